"""Access of one member of staff to one customer: a grant opens it for a time, a wall closes it whatever else opens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.domain import Aggregate, Conflict, InvalidValue
from libs.contracts.manager import AccessGrantEnded, AccessGrantGiven, EthicalWallLifted, EthicalWallRaised

LONGEST_GRANT = timedelta(days=366)


@dataclass(kw_only=True, eq=False)
class AccessGrant(Aggregate):
    """Lets somebody take part in a customer's business. The reasons stay here and are in no event."""

    customer_id: UUID
    staff_id: UUID
    reason: str
    given_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    end_reason: str | None = None

    def give(self) -> None:
        if not self.given_at < self.ends_at <= self.given_at + LONGEST_GRANT:
            raise InvalidValue("ends_at", f"A grant ends in the future, within {LONGEST_GRANT.days} days.")
        self.record(
            AccessGrantGiven(
                occurred_at=self.given_at,
                access_grant_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
                ends_at=self.ends_at,
            )
        )

    def end(self, reason: str | None, *, at: datetime) -> None:
        """Take it back, or let it lapse: then nobody gives a reason."""
        if self.ended_at is not None:
            raise Conflict("This grant has ended already.")
        self.ended_at, self.end_reason = at, reason
        self.record(
            AccessGrantEnded(
                occurred_at=at, access_grant_id=self.id, customer_id=self.customer_id, staff_id=self.staff_id
            )
        )


@dataclass(kw_only=True, eq=False)
class EthicalWall(Aggregate):
    """Keeps somebody away from a customer. The reasons stay here and are in no event."""

    customer_id: UUID
    staff_id: UUID
    reason: str
    raised_at: datetime
    lifted_at: datetime | None = None
    lift_reason: str | None = None

    def raise_(self) -> None:
        self.record(
            EthicalWallRaised(
                occurred_at=self.raised_at,
                ethical_wall_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
            )
        )

    def lift(self, reason: str, *, at: datetime) -> None:
        if self.lifted_at is not None:
            raise Conflict("This wall is lifted already.")
        self.lifted_at, self.lift_reason = at, reason
        self.record(
            EthicalWallLifted(
                occurred_at=at, ethical_wall_id=self.id, customer_id=self.customer_id, staff_id=self.staff_id
            )
        )
