"""A new key: every value and every blind index comes under it while the service goes on, though the job is killed midway."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.audit import sign_head
from libs.common.database import Database
from libs.common.key_changes import add_key, index_by, retire_key, use_key
from libs.common.keyring import KeyRing, KeyRingError
from libs.common.masks import mask_phone
from libs.common.reencryption import Reencryption
from libs.common.sealing import Sealer
from libs.directory.scope import SystemScope
from services.customer.storage.tables import SEALED, metadata
from tests.conftest import Ground
from tests.polling import until
from tests.served import start

MANY = 12_000
"""Enough that a kill comes midway."""
UNDER = "SELECT count(*) FROM contact_points WHERE get_byte(value_sealed, 1) * 256 + get_byte(value_sealed, 2) = $1"


def version_of(value: bytes) -> int:
    """Under which key a value stands: its second and third byte."""
    return int.from_bytes(value[1:3], "big")


@pytest.fixture
async def connection(ground: Ground) -> AsyncIterator[asyncpg.Connection]:
    await ground.migrate("rotation", "services.customer")
    opened = await asyncpg.connect(ground.url("rotation", "app"))
    yield opened
    await opened.close()


async def fill(connection: asyncpg.Connection, ring: KeyRing) -> dict[UUID, str]:
    """Phone numbers, sealed as the service seals them."""
    customer_id, sealer = uuid4(), Sealer(ring)
    await connection.execute(
        "INSERT INTO customers (id, version, kind, name, name_folded, name_grams, status, logins, registered_at)"
        " VALUES ($1, 1, 'person', 'x', 'x', '{}', 'active', '{}', now())",
        customer_id,
    )
    numbers = {uuid4(): f"+86138{place:08d}" for place in range(MANY)}
    sealed = {
        id_: sealer.seal(number, kind="phone", mask=mask_phone, place="contact_points.value", row=id_)
        for id_, number in numbers.items()
    }
    await connection.copy_records_to_table(
        "contact_points",
        records=[(id_, customer_id, "phone", s.value, s.index, s.masked) for id_, s in sealed.items()],
        columns=["id", "customer_id", "kind", "value_sealed", "value_index", "value_masked"],
    )
    return numbers


async def test_a_rotation_that_is_killed_midway_goes_on(ground: Ground, connection: asyncpg.Connection) -> None:
    place = ground.secrets.keyring("rotation")
    numbers = await fill(connection, KeyRing.load(place))
    new = add_key(place)
    use_key(place, new)
    index_by(place, new)

    async def midway() -> bool:
        return 0 < await connection.fetchval(UNDER, new) < MANY

    async def done() -> bool:
        return bool(await connection.fetchval(UNDER, new) == MANY)

    first = await start(ground, "rotation", "customer", without="app")
    await until(midway)
    first.kill()
    await first.wait()
    changed = await connection.fetchval(UNDER, new)
    assert 0 < changed < MANY, "the kill came too late to show anything"
    second = await start(ground, "rotation", "customer", without="app")
    try:
        await until(done)
    finally:
        second.terminate()
        await second.wait()

    sealer = Sealer(KeyRing.load(place))
    rows = await connection.fetch("SELECT id, value_sealed, value_index, value_last_index FROM contact_points")
    assert {version_of(row["value_sealed"]) for row in rows} == {new}
    assert {
        row["id"]: sealer.open(row["value_sealed"], place="contact_points.value", row=row["id"]) for row in rows
    } == numbers
    assert {row["value_index"][0] for row in rows} == {new}
    assert all(row["value_index"] in sealer.indexes("phone", numbers[row["id"]]) for row in rows), "still to be found"
    lasts = {row["id"]: sealer.last_indexes("contact_points.value", numbers[row["id"]][-4:]) for row in rows}
    assert all(row["value_last_index"] in lasts[row["id"]] for row in rows), "by the last four characters too"
    await only_what_nothing_stands_under_is_retired(1, new, place, ground)


async def only_what_nothing_stands_under_is_retired(old: int, new: int, ring: Path, ground: Ground) -> None:
    ended, said = await retire(new, ring, ground)
    assert (ended, f"still under key version {new}" in said) == (os.EX_UNAVAILABLE, True)
    assert await retire(old, ring, ground) == (0, f"key version {old} is gone")
    assert KeyRing.load(ring).versions == (new,)


async def retire(version: int, ring: Path, ground: Ground) -> tuple[int | None, str]:
    """How the command ends, and what it says."""
    where = ("--ring", str(ring), "--database", ground.url("rotation", "app"))
    argv = [str(Path(sys.executable).with_name("guanxi")), "keys", "retire", str(version), *where]
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    return process.returncode, " ".join(said.decode().split())


async def test_indexes_that_are_missing_are_made_with_one_key_too(
    ground: Ground, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    """What was stored before there was a search by the last four characters; an e-mail address has none."""
    ring, customer_id = KeyRing.generate(tmp_path / "ring.json"), uuid4()
    await connection.execute("DELETE FROM contact_points")
    await connection.execute(
        "INSERT INTO customers (id, version, kind, name, name_folded, name_grams, status, logins, registered_at)"
        " VALUES ($1, 1, 'person', 'x', 'x', '{}', 'active', '{}', now())",
        customer_id,
    )
    for kind, text in (("phone", "+8613800138000"), ("email", "x@y.cn")):
        id_ = uuid4()
        made = Sealer(ring).seal(text, kind=kind, mask=mask_phone, place="contact_points.value", row=id_)
        await connection.execute(
            "INSERT INTO contact_points VALUES ($1, $2, $3, $4, $5, 'x')",
            id_, customer_id, kind, made.value, made.index[1:],
        )  # fmt: skip
    job, database = Reencryption(ring, SEALED), Database(ground.url("rotation", "app"))
    async with database.unit_of_work(SystemScope()) as uow:
        for hours in (0, 2):
            while await job.sweep(uow, datetime.now(UTC) + timedelta(hours=hours)):
                pass
        assert await job.sweep(uow, datetime.now(UTC) + timedelta(days=9)) == 0, "there is nothing more to do"
    rows = await connection.fetch("SELECT kind, value_index, value_last_index FROM contact_points ORDER BY kind")
    sealer = Sealer(ring)
    assert [row["value_index"] for row in rows] == [
        *sealer.indexes("email", "x@y.cn"),
        *sealer.indexes("phone", "+8613800138000"),
    ]
    assert [row["value_last_index"] for row in rows] == [None, *sealer.last_indexes("contact_points.value", "8000")]
    await database.close()


async def test_a_value_that_cannot_be_opened_holds_up_no_other(
    ground: Ground, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    place = tmp_path / "ring.json"
    old, customer_id = KeyRing.generate(place), uuid4()
    await connection.execute("DELETE FROM contact_points")
    await connection.execute(
        "INSERT INTO customers (id, version, kind, name, name_folded, name_grams, status, logins, registered_at)"
        " VALUES ($1, 1, 'person', 'x', 'x', '{}', 'active', '{}', now())",
        customer_id,
    )
    ids = sorted(uuid4() for _ in range(5))
    for place_in_order, id_ in enumerate(ids):
        made = Sealer(old).seal("x@y.cn", kind="email", mask=mask_phone, place="contact_points.value", row=id_)
        value = b"\x01\x00\x01bent" if place_in_order == 0 else made.value
        await connection.execute(
            "INSERT INTO contact_points VALUES ($1, $2, 'email', $3, $4, 'x')", id_, customer_id, value, made.index
        )
    use_key(place, add_key(place))
    job, database = Reencryption(KeyRing.load(place), SEALED), Database(ground.url("rotation", "app"))
    now = datetime.now(UTC)
    for _ in range(20):
        async with database.unit_of_work(SystemScope()) as uow:
            await job.sweep(uow, now)
    rows = await connection.fetch("SELECT id, value_sealed FROM contact_points ORDER BY id")
    assert [version_of(row["value_sealed"]) for row in rows] == [1, 2, 2, 2, 2]
    await database.close()


async def test_an_identifier_that_is_stored_twice_holds_up_no_other(
    ground: Ground, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    """Registered at the same moment by two processes, once under each key."""
    place = tmp_path / "ring.json"
    old, customer_id = KeyRing.generate(place), uuid4()
    index_by(place, add_key(place))
    new = KeyRing.load(place)
    await connection.execute("DELETE FROM identity_documents")
    await connection.execute(
        "INSERT INTO customers (id, version, kind, name, name_folded, name_grams, status, logins, registered_at)"
        " VALUES ($1, 1, 'person', 'x', 'x', '{}', 'active', '{}', now())",
        customer_id,
    )
    stored = [("P1234567", old), ("P1234567", new), ("P7654321", old)]
    for id_, (number, ring) in zip(sorted(uuid4() for _ in stored), stored, strict=True):
        made = Sealer(ring).seal(number, kind="passport", mask=mask_phone, place="identity_documents.number", row=id_)
        await connection.execute(
            "INSERT INTO identity_documents VALUES ($1, $2, 'passport', $3, $4, 'x')",
            id_, customer_id, made.value, made.index,
        )  # fmt: skip
    job, database = Reencryption(new, SEALED), Database(ground.url("rotation", "app"))
    now = datetime.now(UTC)
    for _ in range(20):
        async with database.unit_of_work(SystemScope()) as uow:
            await job.sweep(uow, now)
    rows = await connection.fetch("SELECT number_index, number_last_index FROM identity_documents ORDER BY id")
    assert [row["number_index"][0] for row in rows] == [1, 2, 2]
    assert [row["number_last_index"] is not None for row in rows] == [False, True, True]
    await connection.execute("DELETE FROM identity_documents")
    await database.close()


def test_a_ring_changes_step_by_step(ground: Ground) -> None:
    place = ground.home / "keys" / "changing.keyring.json"
    KeyRing.generate(place)
    assert add_key(place) == 2
    assert (KeyRing.load(place).current, KeyRing.load(place).versions) == (1, (1, 2))
    use_key(place, 2)
    assert KeyRing.load(place).current == 2
    for wrong in (1, 2):  # the blind index is under the first, everything else under the second
        with pytest.raises(KeyRingError, match="in use"):
            retire_key(place, wrong)
    index_by(place, 2)
    retire_key(place, 1)
    assert add_key(place) == 3
    retire_key(place, 3)
    assert KeyRing.load(place).versions == (2,)
    for change in (use_key, index_by, retire_key):
        with pytest.raises(KeyRingError, match="holds no key version 9"):
            change(place, 9)


def test_every_sealed_column_is_rotated() -> None:
    stored = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.c
        if column.name.endswith("_sealed")
    }
    assert stored == {(column.table, column.stored) for column in SEALED}


@pytest.mark.parametrize("is_the_signers", [True, False])
async def test_a_key_that_signed_heads_of_the_audit_trail_stays(
    ground: Ground, connection: asyncpg.Connection, tmp_path: Path, *, is_the_signers: bool
) -> None:
    """Whoever holds them against the ring later would find nobody's; another ring's versions are another's."""
    signing, other = (tmp_path / name for name in ("signing.json", "other.json"))
    for place in (signing, other):
        KeyRing.generate(place)
    chain, head = uuid4(), bytes(32)
    signature = sign_head(KeyRing.load(signing), chain, 1, head)
    await connection.execute("INSERT INTO audit_heads VALUES ($1, 1, $2, $3)", chain, head, signature)
    await connection.execute("DELETE FROM contact_points")
    place = signing if is_the_signers else other
    for change in (add_key, lambda ring: use_key(ring, 2), lambda ring: index_by(ring, 2)):
        change(place)
    argv = ["keys", "retire", "1", "--ring", str(place), "--database", ground.url("rotation", "app")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guanxi.cli", *argv, stdout=PIPE, stderr=STDOUT, env={"PATH": os.environ["PATH"]}
    )
    said = (await process.communicate())[0].decode()
    assert (process.returncode == 0, "Audit heads" in said) == (not is_the_signers, is_the_signers), said
    assert KeyRing.load(place).versions == ((1, 2) if is_the_signers else (2,))
