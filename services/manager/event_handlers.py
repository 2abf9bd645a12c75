"""What the manager service hears, each handed to a use case as plain values."""

from libs.common.consumer import Subscription
from libs.common.database import UnitOfWork
from libs.contracts import customer
from libs.contracts.customer import CustomerRegistered, CustomerUpdated
from services.manager.use_cases.assigning import customer_moved, welcome_customer


async def on_customer_registered(uow: UnitOfWork, event: CustomerRegistered) -> None:
    await welcome_customer(
        uow, event.customer_id, kind=event.kind, home_unit_id=event.home_unit_id, at=event.occurred_at
    )


async def on_customer_updated(uow: UnitOfWork, event: CustomerUpdated) -> None:
    await customer_moved(uow, event.customer_id, home_unit_id=event.home_unit_id, at=event.occurred_at)


SUBSCRIPTION = Subscription(
    topics=(customer.EVENTS.name,),
    types={
        CustomerRegistered.type: (CustomerRegistered, on_customer_registered),
        CustomerUpdated.type: (CustomerUpdated, on_customer_updated),
    },
)
