from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.common.logins import login_of
from libs.directory.reading import require_unit
from services.customer.domain.customer import ContactKind, Customer
from services.customer.storage.repository import CustomerRepository
from services.customer.use_cases.registering import Document, seal_new_document
from services.customer.use_cases.sealing import contact_indexes, seal_contact_point


async def add_document(uow: UnitOfWork, customer_id: UUID, document: Document, *, at: datetime) -> Customer:
    customer = await CustomerRepository(uow).get_for_change(customer_id)
    customer.identify(await seal_new_document(uow, customer, document, "document", at=at), at=at)
    return customer


async def add_contact_point(
    uow: UnitOfWork, customer_id: UUID, kind: ContactKind, value: str, *, at: datetime
) -> Customer:
    customer = await CustomerRepository(uow).get_for_change(customer_id)
    point = seal_contact_point(uow.sealer, value, row=new_id(), customer_id=customer_id, kind=kind, field="value")
    customer.add_contact_point(point, contact_indexes(uow.sealer, value, kind=kind, field="value"), at=at)
    return customer


async def remove_contact_point(uow: UnitOfWork, customer_id: UUID, contact_point_id: UUID, *, at: datetime) -> Customer:
    customer = await CustomerRepository(uow).get_for_change(customer_id)
    customer.remove_contact_point(contact_point_id, at=at)
    return customer


async def move_home(uow: UnitOfWork, customer_id: UUID, unit_id: UUID, *, at: datetime) -> Customer:
    customer = await CustomerRepository(uow).get_for_change(customer_id)
    await require_unit(uow, unit_id, field="home_unit_id")
    customer.move_home(unit_id, at=at)
    return customer


async def bind_login(uow: UnitOfWork, customer_id: UUID, issuer: str, subject: str, *, at: datetime) -> Customer:
    customer = await CustomerRepository(uow).get_for_change(customer_id)
    customer.bind_login(login_of(issuer, subject), at=at)
    return customer


async def unbind_login(uow: UnitOfWork, customer_id: UUID, issuer: str, subject: str, *, at: datetime) -> Customer:
    customer = await CustomerRepository(uow).get_for_change(customer_id)
    customer.unbind_login(login_of(issuer, subject), at=at)
    return customer
