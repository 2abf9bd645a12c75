"""What the scoring service hears, each handed to a use case as plain values."""

from libs.common.database import UnitOfWork
from libs.common.hearing import Subscription
from libs.contracts import customer
from libs.contracts.customer import CustomerRegistered, HoldingsChanged
from services.scoring.domain.holding import Holding
from services.scoring.use_cases.scoring import score_customer
from services.scoring.use_cases.welcoming import welcome_customer

LONGEST_WINDOW = 90


async def on_customer_registered(uow: UnitOfWork, event: CustomerRegistered) -> None:
    await welcome_customer(uow, event.customer_id)


async def on_holdings_changed(uow: UnitOfWork, event: HoldingsChanged) -> None:
    names = Holding.__dataclass_fields__
    holdings = [Holding(**{name: getattr(kind, name) for name in names}) for kind in event.kinds]
    await score_customer(
        uow,
        event.customer_id,
        holdings,
        assets=event.assets,
        initiated=sum(flows.initiated for flows in event.flows if flows.days == LONGEST_WINDOW),
        last_initiated_on=event.last_initiated_on,
        branch_contacts=event.branch_contacts,
        fees=event.fees,
        as_of=event.as_of,
        at=event.occurred_at,
    )


SUBSCRIPTION = Subscription(
    topics=(customer.EVENTS.name,),
    types={
        CustomerRegistered.type: (CustomerRegistered, on_customer_registered),
        HoldingsChanged.type: (HoldingsChanged, on_holdings_changed),
    },
)
