"""What the marketing service hears, each handed to a use case as plain values."""

from libs.common.database import UnitOfWork
from libs.common.hearing import Subscription
from libs.contracts import complaints, customer, scoring
from libs.contracts.complaints import ComplaintClosed, ComplaintReceived
from libs.contracts.customer import (
    AccountOpened,
    ConsentGranted,
    ConsentWithdrawn,
    CustomerRegistered,
    HoldingsChanged,
)
from libs.contracts.scoring import ScoreComputed
from services.marketing.use_cases.hearing import (
    keep_complaint,
    keep_consent,
    keep_holdings,
    keep_score,
    welcome_customer,
)
from services.marketing.use_cases.points import earn_points


async def on_customer_registered(uow: UnitOfWork, event: CustomerRegistered) -> None:
    await welcome_customer(uow, event.customer_id)


async def on_account_opened(uow: UnitOfWork, event: AccountOpened) -> None:
    await earn_points(
        uow,
        event.customer_id,
        event.kind,
        account_id=event.account_id,
        opened_on=event.opened_on,
        at=event.occurred_at,
    )


async def on_holdings_changed(uow: UnitOfWork, event: HoldingsChanged) -> None:
    await keep_holdings(uow, event.customer_id, [each.kind for each in event.kinds if each.accounts])


async def on_score_computed(uow: UnitOfWork, event: ScoreComputed) -> None:
    await keep_score(uow, event.customer_id, event.value_group, event.assets)


async def on_consent_granted(uow: UnitOfWork, event: ConsentGranted) -> None:
    if event.channel is not None:
        await keep_consent(uow, event.customer_id, event.channel, standing=True)


async def on_consent_withdrawn(uow: UnitOfWork, event: ConsentWithdrawn) -> None:
    if event.channel is not None:
        await keep_consent(uow, event.customer_id, event.channel, standing=False)


async def on_complaint_received(uow: UnitOfWork, event: ComplaintReceived) -> None:
    await keep_complaint(uow, event.customer_id, event.complaint_id, is_open=True)


async def on_complaint_closed(uow: UnitOfWork, event: ComplaintClosed) -> None:
    await keep_complaint(uow, event.customer_id, event.complaint_id, is_open=False)


SUBSCRIPTION = Subscription(
    topics=(customer.EVENTS.name, complaints.EVENTS.name, scoring.EVENTS.name),
    types={
        CustomerRegistered.type: (CustomerRegistered, on_customer_registered),
        AccountOpened.type: (AccountOpened, on_account_opened),
        HoldingsChanged.type: (HoldingsChanged, on_holdings_changed),
        ScoreComputed.type: (ScoreComputed, on_score_computed),
        ConsentGranted.type: (ConsentGranted, on_consent_granted),
        ConsentWithdrawn.type: (ConsentWithdrawn, on_consent_withdrawn),
        ComplaintReceived.type: (ComplaintReceived, on_complaint_received),
        ComplaintClosed.type: (ComplaintClosed, on_complaint_closed),
    },
)
