"""Stored identifiers brought under the ring's current key, batch by batch, while the service goes on.

It may be killed at any moment: what is done is done, and whoever starts again skips it. Two processes at once do
harmless work twice: a value is replaced only where it is still the one that was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from libs.common.database import UnitOfWork
from libs.common.encryption import FieldCipher, version_of
from libs.common.keyring import KeyRing

log = structlog.get_logger()

AT_ONCE = 500
AGAIN = timedelta(hours=1)
"""How soon everything is looked through again: a process with the older ring may have written meanwhile."""
FIRST = UUID(int=0)


@dataclass(frozen=True)
class SealedColumn:
    """Where encrypted values stand: `place` is `table.column` as they are bound to it, `stored` the column's name."""

    place: str
    stored: str

    @property
    def table(self) -> str:
        return self.place.partition(".")[0]

    @property
    def column(self) -> str:
        return self.place.partition(".")[2]


DEAD_LETTERS = SealedColumn("dead_letters.payload", "payload")


@dataclass
class _Pass:
    """Once through every column, in the order of the ids."""

    left: list[SealedColumn]
    after: UUID = FIRST
    changed: int = 0


class Reencryption:
    """A sweep for a schedule. With a ring of one key there is nothing to do."""

    def __init__(self, ring: KeyRing, columns: Sequence[SealedColumn]) -> None:
        self._ring, self._cipher, self._columns = ring, FieldCipher(ring), columns
        self._pass: _Pass | None = None
        self._rests_until: datetime | None = None

    async def sweep(self, uow: UnitOfWork, now: datetime) -> int:
        """Go through one batch of one column; 0 once all of them are done."""
        if len(self._ring.versions) == 1 or (self._rests_until is not None and now < self._rests_until):
            return 0
        going = self._pass = self._pass or _Pass(list(self._columns))
        if not going.left:
            log.info("every value is under the current key", version=self._ring.current, changed=going.changed)
            self._pass, self._rests_until = None, now + AGAIN
            return 0
        column = going.left[0]
        rows = await _batch(uow, column, going.after)
        going.changed += await self._reencrypt(uow, column, rows)
        if rows:
            going.after = rows[-1].id
        else:
            going.left, going.after = going.left[1:], FIRST
        return len(rows) or 1

    async def _reencrypt(self, uow: UnitOfWork, column: SealedColumn, rows: Sequence[Any]) -> int:
        old = [row for row in rows if version_of(row.value) != self._ring.current]
        if not old:
            return 0
        replaced = text(
            f"UPDATE {column.table} AS t SET {column.stored} = n.fresh"  # noqa: S608 - names of our own tables
            " FROM unnest(CAST(:ids AS uuid[]), CAST(:old AS bytea[]), CAST(:fresh AS bytea[])) AS n (id, old, fresh)"
            f" WHERE t.id = n.id AND t.{column.stored} = n.old"
        )
        fresh = [self._again(column, row.id, row.value) for row in old]
        values = {"ids": [row.id for row in old], "old": [row.value for row in old], "fresh": fresh}
        await uow.session.execute(replaced, values)
        return len(old)

    def _again(self, column: SealedColumn, row: UUID, value: bytes) -> bytes:
        plain = self._cipher.decrypt(value, table=column.table, column=column.column, row=row)
        return self._cipher.encrypt(plain, table=column.table, column=column.column, row=row)


async def _batch(uow: UnitOfWork, column: SealedColumn, after: UUID) -> Sequence[Any]:
    wanted = text(
        f"SELECT id, {column.stored} AS value FROM {column.table}"  # noqa: S608 - names of our own tables
        f" WHERE id > :after AND {column.stored} IS NOT NULL ORDER BY id LIMIT :most"
    )
    return (await uow.session.execute(wanted, {"after": after, "most": AT_ONCE})).all()
