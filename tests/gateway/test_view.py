"""What the view says of its sections: their states, and an ETag that changes with what is shown and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.view.me import PARTS
from libs.contracts.catalogue import SECTIONS
from tests.gateway.reader import Reader
from tests.polling import until

AGES = {"profile": 0, "relationship": 600}
"""Seconds since a service was last heard to be complete; the third section is not there."""


async def stored(reader: Reader, name: str, version: int = 1) -> None:
    document = {"staff": {"who": name}, "self": {"who": "you"}}
    await reader.owner.execute(
        "INSERT INTO view.sections VALUES ($1, $2, $3, now(), $4, $5)"
        " ON CONFLICT (customer_id, section) DO UPDATE SET version = excluded.version",
        reader.near, name, version, *(json.dumps(part) for part in document.values()),
    )  # fmt: skip


async def heard(reader: Reader, name: str, seconds_ago: float) -> datetime:
    as_of = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    await reader.owner.execute(
        "INSERT INTO view.watermarks VALUES ($1, 0, $2)"
        " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
        SECTIONS[name][0].name, as_of,
    )  # fmt: skip
    return as_of


async def shown(reader: Reader, **headers: str) -> tuple[str, dict[str, Any]]:
    answer = await reader.get(reader.near, **headers)
    assert answer.status_code == 200, answer.text
    sections: dict[str, Any] = answer.json()["sections"]
    return answer.headers["ETag"], sections


async def when_heard(reader: Reader, name: str, as_of: datetime) -> tuple[str, dict[str, Any]]:
    """Once the gateway, which asks now and then how far everybody is, has noticed."""
    found: list[tuple[str, dict[str, Any]]] = []

    async def noticed() -> bool:
        found.append(await shown(reader))
        told = found[-1][1][name]["as_of"]
        return told is not None and datetime.fromisoformat(told) == as_of

    await until(noticed)
    return found[-1]


async def test_each_section_has_a_state(reader: Reader) -> None:
    for name, age in AGES.items():
        await stored(reader, name)
        await heard(reader, name, age)
    await heard(reader, "complaints", 0)
    _, sections = await shown(reader)
    states = {name: section["state"] for name, section in sections.items()}
    told = {name: states[name] for name in ("profile", "relationship", "complaints")}
    assert told == {"profile": "ok", "relationship": "stale", "complaints": "missing"}
    assert sections["relationship"]["data"] == {"who": "relationship"}, "what is old is shown, and said to be old"


async def test_an_etag_follows_what_is_shown_and_not_the_time(reader: Reader) -> None:
    await stored(reader, "profile")
    first, _ = await when_heard(reader, "profile", await heard(reader, "profile", 2))
    later, sections = await when_heard(reader, "profile", await heard(reader, "profile", 0))
    assert (later, sections["profile"]["state"]) == (first, "ok")
    stale, sections = await when_heard(reader, "profile", await heard(reader, "profile", 600))
    assert sections["profile"]["state"] == "stale"
    fresh, _ = await when_heard(reader, "profile", await heard(reader, "profile", 0))
    assert fresh == first
    await stored(reader, "profile", version=2)
    changed, _ = await shown(reader)
    token = reader.ground.issuer.token(str(reader.near), ["customer"])
    own, _ = await shown(reader, Authorization=f"Bearer {token}")
    assert len({first, stale, changed, own}) == 4
    assert (await reader.get(reader.near, **{"If-None-Match": changed})).status_code == 304
    assert (await reader.get(reader.near, **{"If-None-Match": first})).status_code == 200


@pytest.mark.parametrize("part", PARTS)
async def test_customers_have_each_list_of_their_own_once(reader: Reader, part: str) -> None:
    section, name = PARTS[part]
    thing = {"id": "a", "number": "M12**34"}
    document = json.dumps({"version": 3, name: [thing]})
    await reader.owner.execute(
        "INSERT INTO view.sections VALUES ($1, $2, 3, now(), '{}', $3)", reader.near, section, document
    )
    reader.client.headers["Authorization"] = f"Bearer {reader.ground.issuer.token(str(reader.near), ['customer'])}"
    shown = await reader.client.get(f"/api/v1/me/{part}")
    assert (shown.json()["items"], shown.json()["version"]) == ([thing], 3)
    tag = shown.headers["ETag"]
    known = await reader.client.get(f"/api/v1/me/{part}", headers={"If-None-Match": tag})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", tag)
    await reader.owner.execute("UPDATE view.sections SET version = 4 WHERE customer_id = $1", reader.near)
    assert (await reader.client.get(f"/api/v1/me/{part}", headers={"If-None-Match": tag})).status_code == 200


async def test_a_hundred_customers_are_one_statement(reader: Reader) -> None:
    ids = [str(reader.near), *(str(uuid4()) for _ in range(99))]

    async def asked() -> dict[str, Any]:
        answer = await reader.client.post("/api/v1/customers/360:batch", json={"customer_ids": ids})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    await asked()  # whatever is asked once and remembered
    held = [connection for _, connection in reader.app.chassis.database._connections._idle]
    statements: list[str] = []
    for connection in held:
        connection.add_query_logger(lambda record: statements.append(record.query))
    told = await asked()
    assert [item["customer_id"] for item in told["items"]] == [str(reader.near)]
    assert len(told["not_found"]) == 99
    assert [text for text in statements if "view.sections" in text] == statements
    assert len(statements) == 1
