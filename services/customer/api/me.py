"""`/api/v1/me`: what customers change of their own, signed in as themselves. They read it at the gateway.

Consents alone they read here: what they allow one partner is in no document that another partner sees.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, OwnCustomer, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.customer.api.schemas import ConsentView, NewConsent, NewContactPoint, OwnContactData
from services.customer.storage.queries import list_consents
from services.customer.storage.repository import ConsentRepository, CustomerRepository
from services.customer.use_cases.changing import add_contact_point, remove_contact_point
from services.customer.use_cases.consenting import grant_consent, withdraw_consent

router = APIRouter(prefix="/api/v1/me", tags=["me"])


async def show_contact_data(uow: UnitOfWork, customer_id: UUID) -> OwnContactData:
    return OwnContactData.of(await CustomerRepository(uow).get(customer_id))


async def show_consent(uow: UnitOfWork, consent_id: UUID) -> ConsentView:
    return ConsentView.of(await ConsentRepository(uow).get(consent_id))


ChangeContactData = Annotated[UnitOfWork, command(show_contact_data, conditional=True)]
Grant = Annotated[UnitOfWork, command(show_consent, conditional=False)]
Withdraw = Annotated[UnitOfWork, command(show_consent, conditional=True)]


@router.post("/contact-points", status_code=201, dependencies=[requires("me:change")])
async def add_own_contact(
    own: OwnCustomer, body: NewContactPoint, uow: ChangeContactData, clock: CurrentClock
) -> OwnContactData:
    customer = await add_contact_point(uow, own, body.kind, body.value, at=clock.now())
    return uow.answer(OwnContactData.of(customer))


@router.delete("/contact-points/{contact_point_id}", dependencies=[requires("me:change")])
async def remove_own_contact(
    own: OwnCustomer, contact_point_id: UUID, uow: ChangeContactData, clock: CurrentClock
) -> OwnContactData:
    customer = await remove_contact_point(uow, own, contact_point_id, at=clock.now())
    return uow.answer(OwnContactData.of(customer))


@router.get("/consents", dependencies=[requires("me:read")])
async def find_consents(
    own: OwnCustomer, uow: Query, page: CurrentPage, *, standing: bool | None = None
) -> Page[ConsentView]:
    rows = await list_consents(uow, own, standing=standing, after=page.after, limit=page.limit)
    return page.of(uow, [ConsentView.of(row) for row in rows])


@router.post("/consents", status_code=201, dependencies=[requires("me:change")])
async def grant(own: OwnCustomer, body: NewConsent, uow: Grant, clock: CurrentClock) -> ConsentView:
    return uow.answer(ConsentView.of(await grant_consent(uow, own, **dict(body), at=clock.now())))


@router.post("/consents/{consent_id}/withdraw", dependencies=[requires("me:change")])
async def withdraw(consent_id: UUID, uow: Withdraw, clock: CurrentClock) -> ConsentView:
    return uow.answer(ConsentView.of(await withdraw_consent(uow, consent_id, at=clock.now())))
