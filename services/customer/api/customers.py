"""`/api/v1/customers`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as Parameter

from libs.common.access import CurrentCaller, CurrentClock, Query, requires
from libs.common.caller import Caller
from libs.common.clock import day_of
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue, NotFound
from libs.common.pages import CurrentPage, Page
from services.customer.api.schemas import (
    BatchView,
    CustomerRow,
    CustomerView,
    DocumentSearch,
    LastFourSearch,
    NewBatch,
    NewContactPoint,
    NewCustomer,
    NewDocument,
    NewHome,
    NewLogin,
)
from services.customer.domain.customer import Kind, Status
from services.customer.storage.queries import customer_by_document, customers_by_last_four, list_customers
from services.customer.storage.repository import BatchRepository, CustomerRepository
from services.customer.use_cases.changing import (
    add_contact_point,
    add_document,
    bind_login,
    move_home,
    remove_contact_point,
    unbind_login,
)
from services.customer.use_cases.registering import (
    Contact,
    Document,
    Registration,
    SourceReference,
    register_batch,
    register_customer,
)
from services.customer.use_cases.revealing import PLACES
from services.customer.use_cases.sealing import normal_document_number

router = APIRouter(prefix="/api/v1/customers", tags=["customers"])


async def show(uow: UnitOfWork, customer_id: UUID) -> CustomerView:
    return CustomerView.of(await CustomerRepository(uow).get(customer_id))


async def show_batch(uow: UnitOfWork, batch_id: UUID) -> BatchView:
    customers = await BatchRepository(uow).customers(batch_id)
    if not customers:
        raise NotFound.thing("customer")
    return BatchView.of(batch_id, customers)


Create = Annotated[UnitOfWork, command(show, conditional=False)]
CreateBatch = Annotated[UnitOfWork, command(show_batch, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("customers:register")])
async def register(body: NewCustomer, uow: Create, clock: CurrentClock, caller: CurrentCaller) -> CustomerView:
    return uow.answer(CustomerView.of(await register_customer(uow, _registration(body, caller), at=clock.now())))


@router.post("/batches", status_code=201, dependencies=[requires("customers:register")])
async def register_many(body: NewBatch, uow: CreateBatch, clock: CurrentClock, caller: CurrentCaller) -> BatchView:
    """Register up to 100 customers, all of them or none; an error names the place of the one that it is about.

    The consistency token names the last few of them, which are published after the others.
    """
    places = enumerate(body.customers)
    registrations = [_registration(each, caller, within=f"customers.{place}.") for place, each in places]
    return uow.answer(BatchView.of(*await register_batch(uow, registrations, at=clock.now())))


def _registration(body: NewCustomer, caller: Caller, *, within: str = "") -> Registration:
    return Registration(
        kind=body.kind,
        name=body.name,
        home_unit_id=body.home_unit_id or _home_of(caller, f"{within}home_unit_id"),
        birth_date=body.birth_date,
        gender=body.gender,
        documents=tuple(Document(**dict(document)) for document in body.documents),
        contact_points=tuple(Contact(**dict(contact)) for contact in body.contact_points),
        source_reference=SourceReference(**dict(body.source_reference)) if body.source_reference else None,
    )


def _home_of(caller: Caller, field: str) -> UUID:
    if len(caller.unit_ids) != 1:
        raise InvalidValue(field, "Name the customer's unit: you work for none or for several.")
    return caller.unit_ids[0]


@router.get("", dependencies=[requires("customers:search")])
async def find(
    uow: Query,
    page: CurrentPage,
    name: Annotated[str | None, Parameter(min_length=1, max_length=100)] = None,
    status: Status | None = None,
    kind: Kind | None = None,
    home_unit_id: UUID | None = None,
) -> Page[CustomerRow]:
    rows = await list_customers(
        uow, name=name, status=status, kind=kind, home_unit_id=home_unit_id, after=page.after, limit=page.limit
    )
    return page.of(uow, [CustomerRow.of(row) for row in rows])


@router.post("/find-by-document", dependencies=[requires("customers:search")])
async def find_by_document(body: DocumentSearch, uow: Query, clock: CurrentClock) -> CustomerView:
    number = normal_document_number(body.type, body.number, today=day_of(clock.now()), field="number")
    uow.search(body.type, number)
    customer_id = await customer_by_document(uow, body.type, uow.sealer.indexes(body.type, number))
    if customer_id is None:
        raise NotFound.thing("customer")
    return uow.answer(await show(uow, customer_id))


@router.post("/find-by-last-four", dependencies=[requires("identifiers:search")])
async def find_by_last_four(body: LastFourSearch, uow: Query, page: CurrentPage) -> Page[CustomerRow]:
    """Who reads out the last four characters of a document, a phone number or an account number."""
    uow.search(f"last_four_of_{body.kind}", body.last_four)
    indexes = uow.sealer.last_indexes(PLACES[body.kind], body.last_four)
    rows = await customers_by_last_four(uow, body.kind, indexes, after=page.after, limit=page.limit)
    return page.of(uow, [CustomerRow.of(row) for row in rows])


@router.get("/{customer_id}", dependencies=[requires("customers:read")])
async def read(customer_id: UUID, uow: Query) -> CustomerView:
    return uow.answer(await show(uow, customer_id))


@router.post("/{customer_id}/documents", status_code=201, dependencies=[requires("customers:update")])
async def identify(customer_id: UUID, body: NewDocument, uow: Change, clock: CurrentClock) -> CustomerView:
    return uow.answer(CustomerView.of(await add_document(uow, customer_id, Document(**dict(body)), at=clock.now())))


@router.post("/{customer_id}/contact-points", status_code=201, dependencies=[requires("customers:update")])
async def add_contact(customer_id: UUID, body: NewContactPoint, uow: Change, clock: CurrentClock) -> CustomerView:
    customer = await add_contact_point(uow, customer_id, body.kind, body.value, at=clock.now())
    return uow.answer(CustomerView.of(customer))


@router.delete("/{customer_id}/contact-points/{contact_point_id}", dependencies=[requires("customers:update")])
async def remove_contact(customer_id: UUID, contact_point_id: UUID, uow: Change, clock: CurrentClock) -> CustomerView:
    customer = await remove_contact_point(uow, customer_id, contact_point_id, at=clock.now())
    return uow.answer(CustomerView.of(customer))


@router.put("/{customer_id}/home", dependencies=[requires("customers:update")])
async def change_home(customer_id: UUID, body: NewHome, uow: Change, clock: CurrentClock) -> CustomerView:
    customer = await move_home(uow, customer_id, body.home_unit_id, at=clock.now())
    return uow.answer(CustomerView.of(customer))


@router.post("/{customer_id}/logins", status_code=201, dependencies=[requires("logins:bind")])
async def bind(customer_id: UUID, body: NewLogin, uow: Change, clock: CurrentClock) -> CustomerView:
    customer = await bind_login(uow, customer_id, body.issuer, body.subject, at=clock.now())
    return uow.answer(CustomerView.of(customer))


@router.post("/{customer_id}/logins/unbind", dependencies=[requires("logins:bind")])
async def unbind(customer_id: UUID, body: NewLogin, uow: Change, clock: CurrentClock) -> CustomerView:
    customer = await unbind_login(uow, customer_id, body.issuer, body.subject, at=clock.now())
    return uow.answer(CustomerView.of(customer))
