"""What the complaints service hears, each handed to a use case as plain values."""

from libs.common.database import UnitOfWork
from libs.common.hearing import Subscription
from libs.contracts import customer
from libs.contracts.customer import CustomerRegistered
from services.complaints.use_cases.welcoming import welcome_customer


async def on_customer_registered(uow: UnitOfWork, event: CustomerRegistered) -> None:
    await welcome_customer(uow, event.customer_id)


SUBSCRIPTION = Subscription(
    topics=(customer.EVENTS.name,),
    types={CustomerRegistered.type: (CustomerRegistered, on_customer_registered)},
)
