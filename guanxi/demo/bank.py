"""The demo bank: branches and their people, persons and firms, accounts, bookings, households, complaints, campaigns.

It enters as any bank would: through the REST API, with fixed Idempotency-Keys, and through the core's topics. A load
that was cut short is gone on with, and one that is repeated changes nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from guanxi.client import Client
from guanxi.core_topics import CoreTopics
from guanxi.demo.core import statements, transactions
from guanxi.demo.organisation import STAFF, Branch, found
from guanxi.demo.people import person
from guanxi.demo.plan import BRANCHES, Planned, plan
from guanxi.demo.stories import Stories, once
from guanxi.examination.waiting import until_nothing_waits
from guanxi.local.issuer import ADMIN, LocalIssuer
from guanxi.local.settings import LocalSettings
from guanxi.parallel import batches, each_with_bar
from libs.common.clock import day_of

SEED = 20_260_101
AT_ONCE = 12
IN_A_BATCH, BATCHES = 50, 4
"""How large, and how many at once: each is one transaction, and what is behind them works meanwhile."""
PATIENCE = 900
"""Tenths of a second until the example shows whole; later it shows by itself."""
ASKED_AT = {
    "teller": ("/api/v1/customers", "/api/v1/complaints"),
    "branch_head": ("/api/v1/customers", "/api/v1/complaints", "/api/v1/campaigns"),
    "marketing_officer": ("/api/v1/campaigns",),
}
"""Who works in the demo, and where they must be known before."""

T = TypeVar("T")

_HEARD = {True: ", and every service has heard of them", False: "; some service has not heard of all of it yet"}


@dataclass(frozen=True)
class Example:
    """A customer with something of everything, and who may see them; `whole` where all of it shows by now."""

    customer_id: str
    subject: str
    role: str
    whole: bool


async def ensure_demo(settings: LocalSettings, issuer: LocalIssuer, console: Console) -> Example:
    """Load the demo bank unless it is there; returns the customer to show."""
    loaded = settings.home / "demo.loaded"
    if not loaded.exists():
        await load_demo(settings, issuer, console, customers=settings.demo_customers, seed=SEED)
        loaded.touch()
    return await example_of(settings, issuer, SEED)


async def load_demo(
    settings: LocalSettings, issuer: LocalIssuer, console: Console, *, customers: int, seed: int, settled: bool = True
) -> None:
    """`settled` once every service has heard of it: until then, sections say that they may be stale.

    A campaign looks once at whom it may tell: before it starts, marketing hears of every consent and closed complaint.
    """
    began, heard = time.monotonic(), True
    columns = TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(Client(settings.gateway, issuer.token(ADMIN, [ADMIN])))
        branches = await found(admin)
        people = [await _people(settings, issuer, branch, stack) for branch in branches]
        stories = Stories(seed, settings.gateway, issuer, branches, people)
        with Progress(*columns, console=console) as progress:
            planned = [plan(seed, place) for place in range(customers)]
            bar = progress.add_task("customers", total=customers)
            await each_with_bar(progress, bar, _batches(planned), stories.register, at_once=BATCHES, count=len)
            await _state(progress, settings, planned)
            await _all(progress, "logins", [one for one in planned if one.channels], stories.sign_up)
            await _all(progress, "consents", [one for one in planned if one.channels], stories.consent)
            await _all(progress, "households", [one for one in planned if one.spouse is not None], stories.relate)
            await _all(progress, "complaints", [one for one in planned if one.complaint], stories.complain)
            if settled:
                heard = await until_nothing_waits(settings, progress)
            await _campaigns(progress, stories, admin)
            if settled:
                heard = await until_nothing_waits(settings, progress) and heard
    told = _HEARD[heard] if settled else ""
    console.print(f"[dim]{customers:,} customers came in within {time.monotonic() - began:.0f} s{told}[/dim]")


async def example_of(settings: LocalSettings, issuer: LocalIssuer, seed: int) -> Example:
    """The demo's first customer, found by their document."""
    subject, role = f"branch_head-{BRANCHES[0][0]}-1", "branch_head"
    first = person(seed, 0)
    document = {"type": first.document_type, "number": first.document}
    async with Client(settings.gateway, issuer.token(subject, [role])) as head:
        await head.until_known("/api/v1/customers")
        found_, _ = await head.post("/api/v1/customers/find-by-document", document, key="demo example")
        customer_id = str(found_["id"])
        for _ in range(PATIENCE):
            view = await head.get(f"/api/v1/customers/{customer_id}/360")
            if _whole(view["sections"]):
                return Example(customer_id, subject, role, whole=True)
            await asyncio.sleep(0.1)
        return Example(customer_id, subject, role, whole=False)


async def _people(
    settings: LocalSettings, issuer: LocalIssuer, branch: Branch, stack: AsyncExitStack
) -> dict[str, Client]:
    people = {}
    for role, _ in STAFF:
        if role in ASKED_AT:
            client = Client(settings.gateway, issuer.token(branch.login(role), [role]))
            people[role] = await stack.enter_async_context(client)
            await people[role].until_known(*ASKED_AT[role])
    return people


async def _all(progress: Progress, name: str, things: Sequence[T], do: Callable[[T], Awaitable[None]]) -> None:
    await each_with_bar(progress, progress.add_task(name, total=len(things)), things, do, at_once=AT_ONCE)


def _batches(planned: Sequence[Planned]) -> list[Sequence[Planned]]:
    """Of one branch each."""
    of_branches = ([one for one in planned if one.branch == branch] for branch in range(len(BRANCHES)))
    return [batch for of in of_branches for batch in batches(of, IN_A_BATCH)]


async def _state(progress: Progress, settings: LocalSettings, planned: Sequence[Planned]) -> None:
    """What the core knows of them: first the accounts, then what was booked on them."""
    now = datetime.now(UTC)
    stated = [statement for one in planned for statement in statements(one, now, customers=len(planned))]
    booked = [(one.ref, booking) for one in planned for booking in transactions(one, day_of(now))]
    accounts = progress.add_task("accounts", total=len(stated))
    bookings = progress.add_task("bookings", total=len(booked))
    async with CoreTopics(settings) as core:
        await core.state(stated, lambda sent: progress.advance(accounts, sent))
        await core.book(booked, lambda sent: progress.advance(bookings, sent))


async def _campaigns(progress: Progress, stories: Stories, admin: Client) -> None:
    product = {"code": "steady-wealth", "name": "稳健理财", "kind": "wealth_product", "risk_rating": "R2"}
    await admin.until_known("/api/v1/products")
    await once(admin.post("/api/v1/products", product, key="demo product"))
    made = (await admin.get("/api/v1/products", code=product["code"]))["items"][0]
    staffed = list(zip(stories.branches, stories.of, strict=True))

    async def run(of: tuple[Branch, dict[str, Client]]) -> None:
        await stories.campaign(*of, made["id"])

    await _all(progress, "campaigns", staffed, run)


def _whole(sections: dict[str, Any]) -> bool:
    if any(section["state"] != "ok" for section in sections.values()):
        return False
    data = {name: section["data"] for name, section in sections.items()}
    told = data["profile"]["holdings"], data["relationship"]["managers"], data["complaints"]["complaints"]
    return bool(all(told) and data["marketing"]["campaigns"] and data["scores"]["value"])
