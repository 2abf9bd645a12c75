"""What a caller sees of customers in the view: scope, permissions and states applied, nothing parsed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from gateway.view.document import Shown, forbidden, narrowed, shown
from gateway.view.storage import read_sections
from gateway.view.watermarks import Watermarks
from libs.common.caller import Caller
from libs.common.clock import Clock
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound


@dataclass(frozen=True)
class View:
    watermarks: Watermarks
    clock: Clock
    stale_after: int

    async def many(
        self, uow: UnitOfWork, caller: Caller, customer_ids: Sequence[UUID], names: Sequence[str]
    ) -> dict[UUID, list[Shown]]:
        """Each customer within reach, with the named sections in their states. The audit names all who were asked."""
        uow.about(*customer_ids)
        permitted = [name for name in names if caller.may(f"sections:{name}")]
        found = await read_sections(uow, customer_ids, permitted, caller.variant)
        if uow.scope.outlines:
            found = {
                customer_id: {name: narrowed(section, caller.variant) for name, section in held.items()}
                for customer_id, held in found.items()
            }
        as_of, stale_before = await self.watermarks.as_of(), self.clock.now() - timedelta(seconds=self.stale_after)
        return {
            customer_id: [
                shown(held[name], as_of[name], stale_before=stale_before) if name in held else forbidden(name)
                for name in names
            ]
            for customer_id, held in found.items()
        }

    async def one(self, uow: UnitOfWork, caller: Caller, customer_id: UUID, names: Sequence[str]) -> list[Shown]:
        """One customer's sections.

        Raises:
            NotFound: unknown, or out of scope.
        """
        found = await self.many(uow, caller, [customer_id], names)
        if customer_id not in found:
            raise NotFound.thing("customer")
        return found[customer_id]
