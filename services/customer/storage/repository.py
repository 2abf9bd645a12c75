"""Customers and accounts as aggregates, within the unit of work's scope."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Select, Text, any_, bindparam, exists, func, insert, select
from sqlalchemy.orm import selectinload

from libs.common.caller import Scope
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.driver import ASKED, ByScope, Statement, compiled
from libs.contracts.customer import MarketingChannel
from services.customer.domain.account import OWNERS, Account
from services.customer.domain.consent import Consent, Purpose
from services.customer.domain.customer import Customer
from services.customer.storage.tables import (
    account_holders,
    accounts,
    consents,
    customer_batches,
    customers,
    identity_documents,
    source_references,
)

PARTS = (selectinload(Customer.documents), selectinload(Customer.contact_points))  # type: ignore[arg-type] # mapped imperatively
_CUSTOMER = ByScope(
    lambda scope: select(Customer).where(customers.c.id == ASKED, scope.customers(customers.c.id)).options(*PARTS)
)


class CustomerRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, customer: Customer) -> None:
        self._uow.session.add(customer)

    async def get(self, customer_id: UUID) -> Customer:
        return await self._one(_CUSTOMER.of(self._uow.scope), customer_id)

    async def get_for_change(self, customer_id: UUID) -> Customer:
        """Locked: what is unique is looked for after, and may not be found to be what another just made of it."""
        wanted = _CUSTOMER.of(self._uow.scope).with_for_update(of=customers, key_share=True)
        customer = await self._one(wanted, customer_id)
        self._uow.check_version(customer)
        return customer

    async def _one(self, wanted: Select[Customer], customer_id: UUID) -> Customer:
        customer = (await self._uow.session.execute(wanted, {"asked": customer_id})).scalar_one_or_none()
        if customer is None:
            raise NotFound.thing("customer")
        return customer

    async def document_is_known(self, type_: str, indexes: Sequence[bytes]) -> bool:
        """True where any customer holds this document: asked before the unique constraint would say it less kindly."""
        d = identity_documents.c
        found = await self._uow.session.execute(select(exists().where(d.type == type_, d.number_index.in_(indexes))))
        return bool(found.scalar_one())


class BatchRepository:
    """Who was registered together, for the answer to whoever asks again."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(self, batch_id: UUID, customer_ids: Sequence[UUID]) -> None:
        await self._uow.session.flush()
        rows = [{"batch_id": batch_id, "place": place, "customer_id": id_} for place, id_ in enumerate(customer_ids)]
        await self._uow.session.execute(insert(customer_batches), rows)

    async def customers(self, batch_id: UUID) -> Sequence[Customer]:
        """Those within reach, in the order in which they were asked for."""
        b = customer_batches.c
        found = await self._uow.session.execute(
            select(Customer)
            .join(customer_batches, b.customer_id == customers.c.id)
            .where(b.batch_id == batch_id, self._uow.scope.customers(customers.c.id))
            .options(*PARTS)
            .order_by(b.place)
        )
        return found.scalars().all()


def _references(scope: Scope) -> Statement:
    r, source_ids = source_references.c, bindparam("source_ids", type_=ARRAY(Text))
    asked = (r.source == bindparam("source", type_=Text)) & (r.source_id == any_(source_ids))
    return compiled(select(r.source_id, r.customer_id).where(asked, scope.customers(r.customer_id)))


_REFERENCES = ByScope(_references)


class SourceReferenceRepository:
    """Customers by another system's number: unique, so that an import can be repeated for ever."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def customer_ids(self, source: str, source_ids: list[str]) -> dict[str, UUID]:
        return dict(await self._uow.fetch(_REFERENCES.of(self._uow.scope), source=source, source_ids=source_ids))

    async def add(self, source: str, customer_ids: Mapping[str, UUID]) -> None:
        await self._uow.session.flush()
        rows = [{"source": source, "source_id": of, "customer_id": id_} for of, id_ in sorted(customer_ids.items())]
        if rows:
            await self._uow.session.execute(insert(source_references), rows)


class ConsentRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, consent: Consent) -> None:
        self._uow.session.add(consent)

    async def get(self, consent_id: UUID) -> Consent:
        found = await self._one(consents.c.id == consent_id)
        if found is None:
            raise NotFound.thing("consent")
        return found

    async def get_for_change(self, consent_id: UUID) -> Consent:
        consent = await self.get(consent_id)
        self._uow.check_version(consent)
        return consent

    async def standing(
        self, customer_id: UUID, purpose: Purpose, party: str, channel: MarketingChannel | None
    ) -> Consent | None:
        c = consents.c
        same = (c.customer_id == customer_id) & (c.purpose == purpose) & (c.party == party)
        return await self._one(same & c.channel.is_not_distinct_from(channel) & c.withdrawn_at.is_(None))

    async def _one(self, condition: ColumnElement[bool]) -> Consent | None:
        within = self._uow.scope.customers(consents.c.customer_id)
        return (await self._uow.session.execute(select(Consent).where(condition, within))).scalar_one_or_none()


def _held(scope: Scope, *of_holder: ColumnElement[bool]) -> ColumnElement[bool]:
    h = account_holders.c
    return exists().where(h.account_id == accounts.c.id, scope.customers(h.customer_id), *of_holder)


def _numbered(scope: Scope) -> Statement:
    a = accounts.c
    sources, indexes = bindparam("sources", type_=ARRAY(Text)), bindparam("indexes", type_=ARRAY(LargeBinary))
    asked = func.unnest(sources, indexes).table_valued("source", "number_index").render_derived("asked")
    number = (a.source == asked.c.source) & (a.number_index == asked.c.number_index)
    return compiled(select(a.source, a.number_index, a.id).join_from(asked, accounts, number).where(_held(scope)))


_NUMBERED = ByScope(_numbered)


class AccountRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, account: Account) -> None:
        self._uow.session.add(account)

    async def get_for_change(self, account_id: UUID) -> Account:
        """For those who reach an owner: an authorised user closes nothing."""
        account = await self._one(accounts.c.id == account_id, account_holders.c.role.in_(OWNERS))
        if account is None:
            raise NotFound.thing("account")
        self._uow.check_version(account)
        return account

    async def number_is_known(self, source: str, indexes: Sequence[bytes]) -> bool:
        """True where any account has this number: asked before the unique constraint would say it less kindly."""
        a = accounts.c
        found = await self._uow.session.execute(select(exists().where(a.source == source, a.number_index.in_(indexes))))
        return bool(found.scalar_one())

    async def by_numbers(self, numbers: Sequence[tuple[str, Sequence[bytes]]]) -> list[Account | None]:
        """Each by its source and the number's indexes; None where there is none."""
        ids = await self.ids_by_numbers(numbers)
        found = await self._all(accounts.c.id.in_(filter(None, ids))) if any(ids) else ()
        by_id = {account.id: account for account in found}
        return [by_id.get(id_) if id_ else None for id_ in ids]

    async def ids_by_numbers(self, numbers: Sequence[tuple[str, Sequence[bytes]]]) -> list[UUID | None]:
        """Of the same accounts, where no more of them is wanted."""
        sources, indexes = zip(*((source, index) for source, some in numbers for index in some), strict=True)
        rows = await self._uow.fetch(_NUMBERED.of(self._uow.scope), sources=sources, indexes=indexes)
        ids = {(source, index): id_ for source, index, id_ in rows}
        return [next((ids[source, of] for of in some if (source, of) in ids), None) for source, some in numbers]

    async def _one(self, condition: ColumnElement[bool], *of_holder: ColumnElement[bool]) -> Account | None:
        found = await self._all(condition, *of_holder)
        return found[0] if found else None

    async def _all(self, condition: ColumnElement[bool], *of_holder: ColumnElement[bool]) -> Sequence[Account]:
        held = _held(self._uow.scope, *of_holder)
        wanted = select(Account).where(condition, held).options(selectinload(Account.holders))  # type: ignore[arg-type] # mapped imperatively
        return (await self._uow.session.execute(wanted)).scalars().all()
