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
from libs.common.encryption import DecryptionFailed, FieldCipher
from libs.common.keyring import KeyRing

log = structlog.get_logger()

AGAIN = timedelta(hours=1)
"""How soon everything is looked through again: a process with the older ring may have written meanwhile."""
FIRST = UUID(int=0)


@dataclass(frozen=True)
class SealedColumn:
    """Where encrypted values stand: `place` is `table.column` as they are bound to it, `stored` the column's name."""

    place: str
    stored: str
    at_once: int = 500
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
            outcome = "values cannot be opened" if going.failed else "every value is under the current key"
            tell = log.error if going.failed else log.info
            tell(outcome, version=self._ring.current, changed=going.changed, failed=going.failed)
            self._pass, self._rests_until = None, now + AGAIN
            return 0
        column = going.left[0]
        rows = await _batch(uow, column, going.after, self._ring.current)
        changed = await self._reencrypt(uow, column, rows)
        going.changed, going.failed = going.changed + changed, going.failed + len(rows) - changed
        if rows:
            going.after = rows[-1].id
        else:
            going.left, going.after = going.left[1:], FIRST
        return len(rows) or 1

    async def _reencrypt(self, uow: UnitOfWork, column: SealedColumn, rows: Sequence[Any]) -> int:
        replaced = text(
            f"UPDATE {column.schema}.{column.table} AS t SET {column.stored} = n.fresh"  # noqa: S608 - names of our own tables
            " FROM unnest(CAST(:ids AS uuid[]), CAST(:old AS bytea[]), CAST(:fresh AS bytea[])) AS n (id, old, fresh)"
            f" WHERE t.id = n.id AND t.{column.stored} = n.old"
        )
        opened = [(row, fresh) for row in rows if (fresh := self._again(column, row.id, row.value)) is not None]
        if opened:
            ids, old = [row.id for row, _ in opened], [row.value for row, _ in opened]
            await uow.session.execute(replaced, {"ids": ids, "old": old, "fresh": [fresh for _, fresh in opened]})
        return len(opened)

    def _again(self, column: SealedColumn, row: UUID, value: bytes) -> bytes | None:
        """None for a value that cannot be opened: it stays as it is, and holds up no other."""
        try:
            plain = self._cipher.decrypt(value, table=column.table, column=column.column, row=row)
        except DecryptionFailed:
            log.error("a value cannot be opened", table=column.table, row=str(row))
            return None
        return self._cipher.encrypt(plain, table=column.table, column=column.column, row=row)


async def _batch(uow: UnitOfWork, column: SealedColumn, after: UUID, current: int) -> Sequence[Any]:
    """Values under another key, in the order of their ids."""
    wanted = text(
        f"SELECT id, {column.stored} AS value FROM {column.schema}.{column.table}"  # noqa: S608 - names of our own tables
        f" WHERE id > :after AND {column.stored} IS NOT NULL"
        f" AND substring({column.stored} FROM 2 FOR 2) <> :current ORDER BY id LIMIT :most"
    )
    values = {"after": after, "current": current.to_bytes(2, "big"), "most": column.at_once}
    return (await uow.session.execute(wanted, values)).all()
