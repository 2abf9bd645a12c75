from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.domain import Conflict, InvalidValue
from libs.common.ids import new_id
from libs.directory.reading import require_unit
from services.customer.domain.customer import ContactKind, Customer, IdentityDocument, Kind
from services.customer.domain.identity_documents import (
    DocumentType,
    normalise_number,
    resident_id_birth_date,
    resident_id_gender,
)
from services.customer.storage.repository import BatchRepository, CustomerRepository, SourceReferenceRepository
from services.customer.use_cases.sealing import seal_contact_point, seal_document


@dataclass(frozen=True, kw_only=True)
class Document:
    type: DocumentType
    number: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, kw_only=True)
class Contact:
    kind: ContactKind
    value: str


@dataclass(frozen=True, kw_only=True)
class SourceReference:
    source: str
    source_id: str


@dataclass(frozen=True, kw_only=True)
class Registration:
    """Everything that may be known of a new customer; what is unknown is None, never invented."""

    kind: Kind
    name: str
    home_unit_id: UUID | None
    birth_date: date | None = None
    gender: str | None = None
    documents: tuple[Document, ...] = ()
    contact_points: tuple[Contact, ...] = ()
    source_reference: SourceReference | None = None


async def register_customer(uow: UnitOfWork, registration: Registration, *, at: datetime) -> Customer:
    """Register a customer; one whose source reference is known already is returned as it is."""
    if known := await _known(uow, registration.source_reference):
        return await CustomerRepository(uow).get(known)
    if registration.home_unit_id is not None:
        await require_unit(uow, registration.home_unit_id, field="home_unit_id")
    customer = _customer(registration, at)
    for place, document in enumerate(registration.documents):
        customer.documents.append(await seal_new_document(uow, customer, document, f"documents.{place}", at=at))
    for place, contact in enumerate(registration.contact_points):
        customer.contact_points.append(
            seal_contact_point(
                uow.sealer,
                contact.value,
                row=new_id(),
                customer_id=customer.id,
                kind=contact.kind,
                field=f"contact_points.{place}.value",
            )
        )
    customer.register()
    CustomerRepository(uow).add(customer)
    if reference := registration.source_reference:
        await SourceReferenceRepository(uow).add(reference.source, {reference.source_id: customer.id})
    return customer


async def register_batch(
    uow: UnitOfWork, registrations: Sequence[Registration], *, at: datetime
) -> tuple[UUID, list[Customer]]:
    """Register each as one alone would be, all of them or none. Returns the batch's id and its customers, in order."""
    customers = []
    for place, registration in enumerate(registrations):
        with _within(f"customers.{place}"):
            customers.append(await register_customer(uow, registration, at=at))
    batch_id = new_id()
    await BatchRepository(uow).add(batch_id, [customer.id for customer in customers])
    return batch_id, customers


@contextmanager
def _within(place: str) -> Iterator[None]:
    """What is refused there says where."""
    try:
        yield
    except InvalidValue as wrong:
        raise InvalidValue(f"{place}.{wrong.field}", str(wrong)) from None
    except Conflict as conflict:
        raise Conflict(f"{place}: {conflict}") from None


async def seal_new_document(
    uow: UnitOfWork, customer: Customer, document: Document, field: str, *, at: datetime
) -> IdentityDocument:
    """A document ready to be added; a resident ID tells birth date and gender.

    Raises:
        InvalidValue: its number breaks a rule, or it does not suit this customer.
        Conflict: somebody holds it already.
    """
    if (document.type is DocumentType.USCC) != (customer.kind is Kind.ORGANISATION):
        raise InvalidValue(f"{field}.type", "A person has personal documents, an organisation a USCC.")
    if document.valid_from and document.valid_to and document.valid_to < document.valid_from:
        raise InvalidValue(f"{field}.valid_to", "The document ends before it begins.")
    sealed = seal_document(
        uow.sealer,
        document.number,
        row=new_id(),
        customer_id=customer.id,
        type_=document.type,
        valid_from=document.valid_from,
        valid_to=document.valid_to,
        today=day_of(at),
        field=f"{field}.number",
    )
    indexes = uow.sealer.indexes(document.type, normalise_number(document.type, document.number))
    if await CustomerRepository(uow).document_is_known(document.type, indexes):
        raise Conflict("A customer with this identity document is registered already.")
    if document.type is DocumentType.RESIDENT_ID:
        number = normalise_number(document.type, document.number)
        customer.learn(resident_id_birth_date(number), resident_id_gender(number))
    return sealed


async def _known(uow: UnitOfWork, reference: SourceReference | None) -> UUID | None:
    if reference is None:
        return None
    found = await SourceReferenceRepository(uow).customer_ids(reference.source, [reference.source_id])
    return found.get(reference.source_id)


def _customer(registration: Registration, at: datetime) -> Customer:
    return Customer(
        id=new_id(),
        kind=registration.kind,
        name=registration.name,
        registered_at=at,
        home_unit_id=registration.home_unit_id,
        birth_date=registration.birth_date,
        gender=registration.gender,
    )
