"""A read of storage, asked with a caller's scope. What it does to the database is undone."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from guanxi.local.issuer import ISSUER
from libs.common.authentication import Principal
from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue, NotFound
from tests.security.bank import CUSTOMER_IDS, Bank
from tests.security.expected import PARTNERS_SEEN, READ, UNITS_SEEN

ASKING = ("teller", "branch_head", "compliance", "partner")
NAMES = {id_: name for name, id_ in CUSTOMER_IDS.items()}
NOW = datetime.now(UTC)


class _Undone(Exception):
    pass


@dataclass(frozen=True)
class Read:
    app: str
    seen: Callable[[UnitOfWork], Awaitable[set[str]]]
    kind: str = "customers"

    async def wrong(self, bank: Bank) -> str | None:
        for role in ASKING:
            seen, should = await self._asked_by(bank, role), self._should(role)
            if seen != should:
                return f"{role} by {self.seen.__name__}: sees {seen}, should see {should}"
        return None

    def _should(self, role: str) -> set[str]:
        if self.kind == "partners":
            return PARTNERS_SEEN[role]
        return READ[role] if self.kind == "customers" else UNITS_SEEN.get(role, set()) - {"nowhere"}

    async def _asked_by(self, bank: Bank, role: str) -> set[str]:
        chassis = bank.apps[self.app].chassis
        principal = Principal(
            issuer=ISSUER, subject=f"matrix-{role}", alias=role, roles=frozenset({role}), expires_at=0
        )
        caller = await chassis.authority.caller(principal, fresh=True)
        seen: set[str] = set()
        with suppress(_Undone):
            async with chassis.database.unit_of_work(caller.scope(change=False)) as uow:
                seen = await self.seen(uow)
                raise _Undone
        return seen


async def each_of(ids: dict[str, object], ask: Callable[[str], Awaitable[object]]) -> set[str]:
    """Those for whom the answer is neither an error nor nothing."""
    seen = set()
    for name in ids:
        try:
            if await ask(name):
                seen.add(name)
        except (NotFound, InvalidValue):
            pass
    return seen
