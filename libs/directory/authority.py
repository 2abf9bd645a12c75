"""Who is this caller, and what may they do: the token's claims held against the directory.

Effective roles are those in the token and in the directory alike. What the directory heard is trusted only so long:
staff and partners are refused once its references are older than `authz_max_age`; customers reading themselves go on.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.authentication import Principal
from libs.common.caller import Variant
from libs.common.database import Database
from libs.common.domain import AuthorityStale, Forbidden
from libs.common.settings import Settings
from libs.contracts import complaints, customer, manager
from libs.directory.permissions import CHANGE, CONFIGURES, OUTLINED, READ, REASONED, Reach, permissions_of, reach_of
from libs.directory.scope import CallerScope
from libs.directory.tables import customers, org_units, staff, watermarks

CACHE_SIZE = 10_000
_Key = tuple[str, frozenset[str]]
"""A login, with the roles that its token names."""
TRUSTED = (
    customer.REFERENCE.name,
    manager.ASSIGNMENT_REFERENCE.name,
    manager.ORG_UNIT_REFERENCE.name,
    manager.STAFF_REFERENCE.name,
    complaints.CASE_REFERENCE.name,
)


@dataclass(frozen=True, kw_only=True)
class DirectoryCaller:
    id: str
    staff_id: UUID | None
    variant: Variant
    must_give_reasons: bool
    permissions: frozenset[str]
    read: CallerScope
    change: CallerScope

    @property
    def own_customer_ids(self) -> tuple[UUID, ...]:
        return self.read.customer_ids

    @property
    def partner(self) -> str | None:
        return self.read.partner

    @property
    def unit_ids(self) -> tuple[UUID, ...]:
        return self.read.unit_ids

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def scope(self, *, change: bool) -> CallerScope:
        return self.change if change else self.read


@dataclass
class Directory:
    """Answers for one app. `overrides` are role tables that apply here, as CASES does in complaints."""

    settings: Settings
    database: Database
    overrides: dict[str, frozenset[Reach]] = field(default_factory=dict)
    _known: dict[_Key, tuple[float, datetime | None, DirectoryCaller]] = field(default_factory=dict)
    _looking: dict[_Key, "asyncio.Future[tuple[datetime | None, DirectoryCaller]]"] = field(default_factory=dict)

    async def caller(self, principal: Principal, *, fresh: bool) -> DirectoryCaller:
        key = principal.login, principal.roles
        until, as_of, caller = self._known.get(key, (0.0, None, None))
        stale = self._stale(as_of)
        if fresh or caller is None or time.monotonic() > until or stale:
            as_of, caller = await self._look_up_once(key, principal, fresh=fresh)
            stale = self._stale(as_of)
        if not caller.own_customer_ids and stale:
            raise AuthorityStale("What is known here of rights and consents is too old; try again.")
        return caller

    async def partner(self, name: str) -> DirectoryCaller:
        """A partner who is told something without asking for it now.

        Raises:
            AuthorityStale: what is known of consents is too old.
        """
        async with self.database.engine.connect() as connection:
            as_of = await _as_of(connection)
        if self._stale(as_of):
            raise AuthorityStale("What is known here of consents is too old.")
        return self._partner(name)

    def forget(self) -> None:
        """Look everybody up anew."""
        self._known.clear()
        self._looking.clear()

    async def _look_up_once(
        self, key: _Key, principal: Principal, *, fresh: bool
    ) -> tuple[datetime | None, DirectoryCaller]:
        """Many requests of one login ask once. Who must see what came just now asks for themselves."""
        looking = None if fresh else self._looking.get(key)
        if looking is None:
            looking = self._looking[key] = asyncio.ensure_future(self._look_up(principal))
            looking.add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(looking)

    def _keep(self, key: _Key, done: "asyncio.Future[tuple[datetime | None, DirectoryCaller]]") -> None:
        """What was looked up last counts, though another answer came later."""
        is_last = self._looking.get(key) is done
        if is_last:
            del self._looking[key]
        if done.cancelled() or not is_last:
            return
        if (error := done.exception()) is not None:
            if isinstance(error, Forbidden):
                self._known.pop(key, None)
            return
        if len(self._known) >= CACHE_SIZE:
            self._known.clear()
        self._known[key] = (time.monotonic() + self.settings.caller_max_age, *done.result())

    def _stale(self, as_of: datetime | None) -> bool:
        return as_of is None or as_of < datetime.now(UTC) - timedelta(seconds=self.settings.authz_max_age)

    async def _look_up(self, principal: Principal) -> tuple[datetime | None, DirectoryCaller]:
        async with self.database.engine.connect() as connection:
            as_of = await _as_of(connection)
            login = [principal.login]
            signed_in = select(staff).where(staff.c.logins.contains(login), staff.c.active).order_by(staff.c.staff_id)
            found = await connection.execute(signed_in)
            if (member := found.first()) is not None:
                return as_of, await self._staff(connection, principal, member)
            theirs = select(customers.c.customer_id).where(customers.c.logins.contains(login))
            own = await connection.execute(theirs.order_by(customers.c.customer_id))
            return as_of, self._outsider(principal, tuple(row.customer_id for row in own))

    async def _staff(self, connection: AsyncConnection, principal: Principal, member: Any) -> DirectoryCaller:
        roles = principal.roles & frozenset(member.roles)
        paths = await connection.execute(select(org_units.c.path).where(org_units.c.org_unit_id.in_(member.unit_ids)))
        team = await connection.execute(select(staff.c.staff_id).where(staff.c.unit_ids.overlap(member.unit_ids)))
        reached = {
            "staff_id": member.staff_id,
            "unit_ids": tuple(member.unit_ids),
            "unit_paths": tuple(path for path in paths.scalars() if path),
            "team_ids": tuple(team.scalars()),
            "grants": tuple(member.grants),
            "walls": tuple(member.walls),
            "configures": bool(roles & CONFIGURES),
        }
        return self._caller(f"staff {member.staff_id}", roles, reached)

    def _outsider(self, principal: Principal, own: tuple[UUID, ...]) -> DirectoryCaller:
        roles = principal.roles & {"customer", "partner"}
        if own and "customer" in roles:
            return self._caller(f"customer {own[0]}", frozenset({"customer"}), {"customer_ids": own})
        if "partner" in roles:
            return self._partner(principal.subject)
        raise Forbidden("Nobody is known here by this login.")

    def _partner(self, name: str) -> DirectoryCaller:
        return self._caller(f"partner {name}", frozenset({"partner"}), {"partner": name})

    def _caller(self, name: str, roles: frozenset[str], reached: dict[str, Any]) -> DirectoryCaller:
        staff_id = reached.get("staff_id")
        reached = {**reached, "outlines": bool(roles) and roles <= OUTLINED}
        return DirectoryCaller(
            id=name,
            staff_id=staff_id,
            variant="staff" if staff_id else "self",
            must_give_reasons=bool(roles & REASONED),
            permissions=permissions_of(roles),
            read=CallerScope(reaches=reach_of(roles, READ, self.overrides), **reached),
            change=CallerScope(reaches=reach_of(roles, CHANGE, self.overrides), **reached),
        )


async def _as_of(connection: AsyncConnection) -> datetime | None:
    """The oldest watermark over the references; None while one of them was never heard."""
    heard = select(
        func.count(watermarks.c.topic.distinct()).label("topics"), func.min(watermarks.c.as_of).label("as_of")
    ).where(watermarks.c.topic.in_(TRUSTED))
    row = (await connection.execute(heard)).one()
    oldest: datetime | None = row.as_of
    return oldest if row.topics == len(TRUSTED) else None
