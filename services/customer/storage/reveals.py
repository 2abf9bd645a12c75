"""Reveals as aggregates, and the sealed identifiers that they show, within the unit of work's scope."""

from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from services.customer.domain.account import OWNERS
from services.customer.domain.reveal import IdentifierKind, Reveal
from services.customer.storage.tables import account_holders, accounts, contact_points, identity_documents, reveals


class RevealRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, reveal: Reveal) -> None:
        self._uow.session.add(reveal)

    async def get(self, reveal_id: UUID) -> Reveal:
        within = self._uow.scope.customers(reveals.c.customer_id)
        found = await self._uow.session.execute(select(Reveal).where(reveals.c.id == reveal_id, within))
        reveal = found.scalar_one_or_none()
        if reveal is None:
            raise NotFound.thing("reveal")
        return reveal


class IdentifierRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def sealed(self, kind: IdentifierKind, customer_id: UUID, thing_id: UUID) -> bytes | None:
        """An identifier of a customer as it is stored; an account's is that of those who own it."""
        d, p, a, h = identity_documents.c, contact_points.c, accounts.c, account_holders.c
        owned = (h.account_id == a.id) & h.role.in_(OWNERS)
        wanted = {
            IdentifierKind.IDENTITY_DOCUMENT: (select(d.number_sealed).where(d.id == thing_id), d.customer_id),
            IdentifierKind.CONTACT_POINT: (select(p.value_sealed).where(p.id == thing_id), p.customer_id),
            IdentifierKind.ACCOUNT: (
                select(a.number_sealed).join(account_holders, owned).where(a.id == thing_id),
                h.customer_id,
            ),
        }
        statement, whose = wanted[kind]
        found = statement.where(whose == customer_id, self._uow.scope.customers(whose))
        sealed: bytes | None = (await self._uow.session.execute(found)).scalar_one_or_none()
        return sealed
