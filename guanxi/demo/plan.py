"""What the demo bank's customers have and do, each of the seed and their place alone."""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from guanxi.demo.people import Person, person

BRANCHES = (("0101", "北京分行"), ("0201", "上海分行"), ("0301", "深圳分行"), ("0401", "成都分行"))
CENT = Decimal("0.01")
KINDS: tuple[tuple[Any, str, float, int], ...] = (
    ("savings", "储蓄存款", 1.0, 40_000),
    ("current", "活期存款", 0.2, 15_000),
    ("term_deposit", "定期存款", 0.2, 120_000),
    ("wealth_product", "稳健理财", 0.15, 150_000),
    ("fund", "指数基金", 0.08, 60_000),
    ("loan", "住房贷款", 0.08, 600_000),
    ("credit_card", "信用卡", 0.1, 6_000),
)
"""Kind, product, who has one, and how much is on it usually."""
RATES = {"savings": "0.0025", "current": "0.0005", "term_deposit": "0.0185", "loan": "0.0395", "credit_card": "0.1825"}
BOOKED_ON = ("savings", "current", "credit_card")
OWED = ("loan", "credit_card")
"""What stands on these is owed: who pays by card owes more."""
FEE = "fee"
CATEGORIES = (
    ("salary", "credit", "bank", "batch"),
    ("transfer", "debit", "customer", "mobile"),
    ("shopping", "debit", "customer", "mobile"),
    ("cash", "debit", "customer", "branch"),
    (FEE, "debit", "bank", "batch"),
)
OF_THE_SAME_BRANCH = 2 * len(BRANCHES)
"""So many places further."""
CHANNELS = ("sms", "push", "email", "phone")

Complaint = Literal["received", "assigned", "closed"]


@dataclass(frozen=True)
class Booking:
    days_ago: int
    amount: Decimal
    category: str
    direction: Literal["credit", "debit"]
    initiated_by: Literal["customer", "bank"]
    channel: str


@dataclass(frozen=True)
class Holding:
    """`then` was on it when it was opened, or a year ago; `now` is. `co_owner` is another customer's place."""

    ref: str
    kind: Any
    product: str
    opened_days_ago: int
    then: Decimal
    now: Decimal
    overdue_days: int
    bookings: tuple[Booking, ...]
    co_owner: int | None


@dataclass(frozen=True)
class Planned:
    """One customer. `spouse` and `housemate` are places of others; `channels` are what they consent to be told over."""

    seed: int
    place: int
    who: Person
    branch: int
    holdings: tuple[Holding, ...]
    spouse: int | None
    housemate: int | None
    complaint: Complaint | None
    channels: tuple[str, ...]

    @property
    def ref(self) -> str:
        """The core's customer number."""
        return ref_of(self.seed, self.place)


def plan(seed: int, place: int) -> Planned:
    """The first of all has something of everything: the demo shows them."""
    chance = random.Random(f"{seed} plan {place}")  # noqa: S311 - a demo that repeats, no secret
    is_first = place == 0
    who = person(seed, place)
    spouse = place + 1 if place % 10 == 0 and {who.kind, person(seed, place + 1).kind} == {"person"} else None
    further = place + OF_THE_SAME_BRANCH
    housemate = further if spouse and place % 20 == 0 and person(seed, further).kind == "person" else None
    return Planned(
        seed=seed,
        place=place,
        who=who,
        branch=place // 2 % len(BRANCHES),
        holdings=tuple(_holdings(chance, seed, place, spouse)),
        spouse=spouse,
        housemate=housemate,
        complaint="closed" if is_first else chance.choices(("received", "assigned", "closed", None), (4, 4, 6, 86))[0],
        channels=("sms", "push") if is_first else _channels(chance, place),
    )


def _channels(chance: random.Random, place: int) -> tuple[str, ...]:
    return (chance.choice(CHANNELS),) if place % 6 == 0 else ()


def ref_of(seed: int, place: int) -> str:
    return f"D{seed}-{place:07d}"


def _holdings(chance: random.Random, seed: int, place: int, spouse: int | None) -> list[Holding]:
    is_first = place == 0
    had = [kind for kind in KINDS if chance.random() < kind[2] or (is_first and kind[0] == "term_deposit")]
    return [_holding(chance, f"{ref_of(seed, place)}-{number}", place, kind, spouse) for number, kind in enumerate(had)]


def _holding(
    chance: random.Random, ref: str, place: int, of: tuple[Any, str, float, int], spouse: int | None
) -> Holding:
    kind, product, _, usual = of
    then = _money(chance.lognormvariate(0, 1) * usual)
    bookings = tuple(_bookings(chance, usual)) if kind in BOOKED_ON else ()
    moved = sum((b.amount if b.direction == "credit" else -b.amount for b in bookings), Decimal(0))
    moved = -moved if kind in OWED else moved
    return Holding(
        ref=ref,
        kind=kind,
        product=product,
        opened_days_ago=chance.randrange(120, 300) if place == 0 else chance.randrange(100, 2500),
        then=then,
        now=max(then + moved, Decimal("0.00")),
        overdue_days=chance.choice((0, 0, 0, 0, 12, 45, 120)) if kind in OWED else 0,
        bookings=bookings,
        co_owner=spouse if kind == "savings" and place else None,
    )


def _bookings(chance: random.Random, usual: int) -> list[Booking]:
    made = []
    for days_ago in sorted(chance.sample(range(1, 88), k=chance.randrange(1, 5)), reverse=True):
        category, direction, by, channel = chance.choice(CATEGORIES)
        amount = _money(chance.uniform(5, 50) if category == FEE else chance.uniform(0.01, 0.12) * usual)
        made.append(Booking(days_ago, amount, category, direction, by, channel))  # type: ignore[arg-type] # words of CATEGORIES
    return made


def _money(value: float) -> Decimal:
    return Decimal(round(value, 2)).quantize(CENT)


def day_before(today: date, days: int) -> date:
    return today - timedelta(days=days)


def noon(day: date) -> datetime:
    """In Shanghai."""
    return datetime.fromisoformat(f"{day}T12:00:00+08:00")
