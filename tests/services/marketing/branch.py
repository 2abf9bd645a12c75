"""A branch of whose customers marketing hears, with an officer who campaigns and a head who approves."""

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import choices
from typing import Any
from uuid import UUID, uuid4

import httpx

from libs.common.database import Database
from libs.contracts.complaints import ComplaintClosed, ComplaintReceived
from libs.contracts.customer import ConsentGranted, ConsentWithdrawn, HoldingsChanged, KindOfHolding
from libs.contracts.scoring import ScoreComputed
from libs.directory.scope import SystemScope
from services.marketing import event_handlers as handlers
from services.marketing.use_cases.selecting import select_members
from tests.services.conftest import Service

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)


def new_code() -> str:
    """A code holds few digits in a row."""
    return "".join(choices(string.ascii_lowercase, k=12))  # noqa: S311 - no secret


@dataclass(frozen=True)
class Branch:
    marketing: Service
    database: Database
    unit: UUID
    officer: httpx.AsyncClient
    head: httpx.AsyncClient
    customers: list[UUID] = field(default_factory=list)

    async def hear(self, handler: Any, event: Any) -> None:
        async with self.database.unit_of_work(SystemScope()) as uow:
            await handler(uow, event)

    async def customer(self, *channels: str, unit: UUID | None = None, complains: bool = False) -> UUID:
        customer_id = uuid4()
        await self.marketing.know_customer(customer_id, unit or self.unit)
        self.customers.append(customer_id)
        await self.holds(customer_id)
        for channel in channels:
            await self.consents(customer_id, channel)
        if complains:
            await self.complains(customer_id, uuid4())
        return customer_id

    async def holds(self, customer_id: UUID, *kinds: str, closed: Sequence[str] = ()) -> None:
        money = dict.fromkeys(("balance", "month_average", "last_month_average", "year_average"), Decimal(1))
        held: list[Any] = [
            KindOfHolding(kind=kind, currency="CNY", accounts=n, year_interest=Decimal(0), overdue={}, **money)  # type: ignore[arg-type] # words of the test's own
            for kind, n in [*[(kind, 1) for kind in kinds], *[(kind, 0) for kind in closed]]
        ]
        event = HoldingsChanged(
            occurred_at=NOW, customer_id=customer_id, holdings_id=uuid4(), as_of=NOW.date(), kinds=held, flows=[],
            last_initiated_on=None, assets=Decimal(0), last_month_assets=Decimal(0),
        )  # fmt: skip
        await self.hear(handlers.on_holdings_changed, event)

    async def scores(self, customer_id: UUID, group: Any, assets: str) -> None:
        event = ScoreComputed(
            occurred_at=NOW, score_id=uuid4(), customer_id=customer_id, policy_id=uuid4(), as_of=NOW.date(),
            currency="CNY", contribution=Decimal(1), value_group=group, assets=Decimal(assets),
        )  # fmt: skip
        await self.hear(handlers.on_score_computed, event)

    async def consents(self, customer_id: UUID, channel: Any, *, given: bool = True) -> None:
        told: Any = {
            "occurred_at": NOW, "consent_id": uuid4(), "customer_id": customer_id, "purpose": "marketing",
            "party": "bank", "channel": channel,
        }  # fmt: skip
        if given:
            await self.hear(handlers.on_consent_granted, ConsentGranted(**told, text_version="v1"))
        else:
            await self.hear(handlers.on_consent_withdrawn, ConsentWithdrawn(**told))

    async def complains(self, customer_id: UUID, complaint_id: UUID, *, closes: bool = False) -> None:
        told: Any = {"occurred_at": NOW, "complaint_id": complaint_id, "customer_id": customer_id}
        if closes:
            await self.hear(handlers.on_complaint_closed, ComplaintClosed(**told))
            return
        received = ComplaintReceived(**told, number="C1", channel="phone", business="b", cause="c", reply_due_at=NOW)
        await self.hear(handlers.on_complaint_received, received)

    async def draft(self, **changed: Any) -> httpx.Response:
        body = {
            "org_unit_id": str(self.unit), "code": new_code(), "name": "春季", "channel": "sms",
            "message": "稳健理财正在发售。", **changed,
        }  # fmt: skip
        return await self.marketing.send(self.officer, "campaigns", body)

    async def run(self, **changed: Any) -> dict[str, Any]:
        """Draft, submit, approve, start, and select until it is finished."""
        made = await self.draft(**changed)
        assert made.status_code == 201, made.text
        campaign = made.json()
        for person, name in ((self.officer, "submit"), (self.head, "approve"), (self.officer, "start")):
            moved = await self.marketing.send(person, f"campaigns/{campaign['id']}/{name}", None, campaign["version"])
            assert moved.status_code == 200, moved.text
            campaign = moved.json()
        while campaign["status"] == "running":
            async with self.database.unit_of_work(SystemScope()) as uow:
                await select_members(uow, NOW)
            campaign = (await self.officer.get(f"/api/v1/campaigns/{campaign['id']}")).json()
        return dict(campaign)

    async def members(self, campaign: dict[str, Any], **wanted: str) -> dict[UUID, str]:
        """Whom it holds: customer → reason, or status where there is none."""
        asked = {"campaign_id": campaign["id"], "limit": "200", **wanted}
        listed = await self.officer.get("/api/v1/campaign-members", params=asked)
        return {UUID(each["customer_id"]): each["reason"] or each["status"] for each in listed.json()["items"]}
