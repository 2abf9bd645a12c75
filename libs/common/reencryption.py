"""Stored identifiers brought under the ring's keys in use, batch by batch, while the service goes on.

Both their encryption and their blind indexes; an index that is missing is made. The job may be killed at any moment:
what is done is done, and whoever starts again skips it. Two processes at once do harmless work twice: a value is
replaced only where it is still the one that was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from libs.common.database import UnitOfWork
from libs.common.encryption import BlindIndex, DecryptionFailed, FieldCipher
from libs.common.keyring import KeyRing
from libs.common.sealing import last_index

log = structlog.get_logger()

AGAIN = timedelta(hours=1)
"""How soon everything is looked through again: a process with the older ring may have written meanwhile."""
FIRST = UUID(int=0)
INDEX_BYTES = 33


@dataclass(frozen=True)
class SealedColumn:
    """Where encrypted values stand: `place` is `table.column` as they are bound to it, `stored` the column's name.

    `kind` is SQL for an identifier's kind, where there is a blind index; `by_last` are the kinds that are found by
    their last four characters too.
    """

    place: str
    stored: str
    kind: str | None = None
    by_last: frozenset[str] = frozenset()
    at_once: int = 1000
    schema: str = "public"

    @property
    def table(self) -> str:
        return self.place.partition(".")[0]

    @property
    def column(self) -> str:
        return self.place.partition(".")[2]


DEAD_LETTERS = SealedColumn("dead_letters.payload", "payload", at_once=20)


@dataclass
class _Pass:
    """Once through every column, in the order of the ids."""

    left: list[SealedColumn]
    after: UUID = FIRST
    changed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class _Fresh:
    id: UUID
    old: bytes
    value: bytes
    index: bytes | None
    last_index: bytes | None


class Reencryption:
    """A sweep for a schedule. With a ring of one key there is one pass, which makes the indexes that are missing."""

    def __init__(self, ring: KeyRing, columns: Sequence[SealedColumn]) -> None:
        self._ring, self._cipher, self._columns = ring, FieldCipher(ring), columns
        self._index = BlindIndex(ring)
        self._pass: _Pass | None = None
        self._rests_until: datetime | None = None

    async def sweep(self, uow: UnitOfWork, now: datetime) -> int:
        """Go through one batch of one column; 0 once all of them are done."""
        if self._rests_until is not None and now < self._rests_until:
            return 0
        going = self._pass = self._pass or _Pass(list(self._columns))
        if not going.left:
            self._finish(going, now)
            return 0
        column = going.left[0]
        rows = await self._batch(uow, column, going.after)
        unfit = [row for row in rows if not row.fits]
        changed = await self._renew(uow, column, unfit)
        going.changed, going.failed = going.changed + changed, going.failed + len(unfit) - changed
        if rows:
            going.after = rows[-1].id
        else:
            going.left, going.after = going.left[1:], FIRST
        return len(rows) or 1

    def _finish(self, going: _Pass, now: datetime) -> None:
        if going.failed:
            log.error("values stay as they are", changed=going.changed, failed=going.failed)
        elif going.changed or len(self._ring.versions) > 1:
            told = {"version": self._ring.current, "index": self._ring.index, "changed": going.changed}
            log.info("every value is under the keys in use", **told)
        # Something may have been written meanwhile by a process that is older, or changed by a commit that failed.
        may_be_left = len(self._ring.versions) > 1 or going.changed
        self._pass, self._rests_until = None, now + AGAIN if may_be_left else datetime.max.replace(tzinfo=UTC)

    async def _batch(self, uow: UnitOfWork, column: SealedColumn, after: UUID) -> Sequence[Any]:
        """The next rows by their ids, fit or not: to look for the unfit alone would read all that is left."""
        values: dict[str, Any] = {"after": after, "most": column.at_once}
        fits = f"{column.stored} IS NULL OR substring({column.stored} FROM 2 FOR 2) = :current"
        values["current"] = self._ring.current.to_bytes(2, "big")
        if column.kind:
            index = f"{column.column}_index"
            by_last = f"({column.column}_last_index IS NOT NULL OR {column.kind} <> ALL(:by_last))"
            fits += f" AND length({index}) = :whole AND get_byte({index}, 0) = :index AND {by_last}"
            values |= {"whole": INDEX_BYTES, "index": self._ring.index, "by_last": sorted(column.by_last)}
        wanted = text(
            f"SELECT id, {column.kind or 'NULL'} AS kind, {column.stored} AS value, {fits} AS fits"  # noqa: S608 - our own
            f" FROM {column.schema}.{column.table} WHERE id > :after AND {column.stored} IS NOT NULL"
            " ORDER BY id LIMIT :most"
        )
        return (await uow.session.execute(wanted, values)).all()

    async def _renew(self, uow: UnitOfWork, column: SealedColumn, rows: Sequence[Any]) -> int:
        made = [fresh for row in rows if (fresh := self._again(column, row)) is not None]
        if not made:
            return 0
        targets = {"value": column.stored}
        if column.kind:
            targets |= {"index": f"{column.column}_index", "last_index": f"{column.column}_last_index"}
        given = ["id", "old", *targets]
        arrays = ", ".join(["CAST(:id AS uuid[])", *(f"CAST(:{name} AS bytea[])" for name in given[1:])])
        sets = ", ".join(f"{target} = n.{name}" for name, target in targets.items())
        replaced = text(
            f"UPDATE {column.schema}.{column.table} AS t SET {sets}"  # noqa: S608 - names of our own tables
            f" FROM unnest({arrays}) AS n ({', '.join(given)}) WHERE t.id = n.id AND t.{column.stored} = n.old"
        )

        async def store(rows: Sequence[_Fresh]) -> int:
            try:
                async with uow.session.begin_nested():
                    await uow.session.execute(replaced, {n: [getattr(fresh, n) for fresh in rows] for n in given})
            except IntegrityError:
                if len(rows) > 1:
                    return sum([await store([fresh]) for fresh in rows])
                log.error("an identifier is stored twice", table=column.table, row=str(rows[0].id))
                return 0
            return len(rows)

        return await store(made)

    def _again(self, column: SealedColumn, row: Any) -> _Fresh | None:
        """None for a value that cannot be opened: it stays as it is, and holds up no other."""
        place = {"table": column.table, "column": column.column, "row": row.id}
        try:
            plain = self._cipher.decrypt(row.value, **place)
        except DecryptionFailed:
            log.error("a value cannot be opened", table=column.table, row=str(row.id))
            return None
        index = self._index.index(row.kind, plain) if row.kind else None
        last = last_index(self._index, column.place, plain) if row.kind in column.by_last else None
        return _Fresh(row.id, row.value, self._cipher.encrypt(plain, **place), index, last)
