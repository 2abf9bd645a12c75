"""`/api/v1/audit`: who looked at whom, asked what and changed what, in every app. Asking is an entry as well."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as Parameter

from gateway.audit.storage import list_alerts, list_entries
from libs.common.access import Query, requires
from libs.common.pages import CurrentPage, Page
from libs.common.schemas import Moment, View

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

Word = Annotated[str | None, Parameter(max_length=200)]


class AuditEntryView(View):
    """`version` is the entry's place in its chain, `terms` are search terms as a blind index.

    An entry of `status` 102, as a view leaves it, was written while it was answered: this was asked for, and may have
    been shown unless an entry that `follows` it says how it ended.
    """

    chain: UUID
    at: datetime
    service: str
    actor: str
    permission: str
    method: str
    route: str
    status: int
    origin: str
    trace_id: str
    reason: str | None
    thing_ids: list[UUID]
    customer_ids: list[UUID]
    terms: list[str]
    follows: UUID | None


class AuditAlertView(View):
    """A day on which somebody opened more customers outside their own book than the bank allows without asking."""

    actor: str
    day: date
    rule: str
    customers: int
    raised_at: datetime


@router.get("/entries", dependencies=[requires("audit:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    *,
    customer_id: UUID | None = None,
    actor: Annotated[Word, Parameter(description="Such as `staff <id>` or `customer <id>`.")] = None,
    service: Word = None,
    permission: Word = None,
    status: Annotated[int | None, Parameter(ge=100, le=599, description="102 is a view that was asked for.")] = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Page[AuditEntryView]:
    equal = {"actor": actor, "service": service, "permission": permission, "status": status}
    rows = await list_entries(
        uow, customer_id=customer_id, equal=equal, since=since, until=until, after=page.after, limit=page.limit
    )
    plain = set(AuditEntryView.model_fields) - {"version"}
    views = [AuditEntryView(version=row.sequence, **{n: getattr(row, n) for n in plain}) for row in rows]
    return page.of(uow, views)


@router.get("/alerts", dependencies=[requires("audit:read")])
async def find_alerts(uow: Query, page: CurrentPage, actor: Word = None) -> Page[AuditAlertView]:
    rows = await list_alerts(uow, actor=actor, after=page.after, limit=page.limit)
    names = set(AuditAlertView.model_fields) - {"version"}
    return page.of(uow, [AuditAlertView(version=1, **{n: getattr(row, n) for n in names}) for row in rows])
