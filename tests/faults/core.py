"""The bank's core beside its people: it states an account of whoever opened one, and books on it, some of it twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from guanxi.core_topics import CoreTopics
from guanxi.local.failures import LocalFailure
from guanxi.local.settings import LocalSettings
from libs.contracts.core import CoreAccount, CoreTransaction, Holder
from tests.faults.driver import ANSWERED_WITHIN, PAUSE
from tests.faults.ledger import Ledger
from tests.faults.tasks import stop

SOURCE, LAST = "faults", 2
"""Who states, and the sequence of what is stated last of an account."""
HEARD = """
    SELECT (SELECT count(*) FROM transactions WHERE account_id IS NOT NULL),
           (SELECT count(*) FROM accounts WHERE source = $1 AND sequence = $2)
"""
"""How many bookings and how many accounts the customer service has, as they were told last."""


@dataclass
class Core:
    """`holders` are customers by their number in the core; it is sure that Kafka took all of what it `said`."""

    settings: LocalSettings
    ledger: Ledger
    holders: dict[str, str] = field(default_factory=dict)
    said: list[CoreAccount | CoreTransaction] = field(default_factory=list)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Go on with whoever opened an account last, one after the other: nobody's command waits for that."""
        self._closing.clear()
        self._task = asyncio.create_task(self._poll_accounts())

    async def finish(self) -> None:
        self._closing.set()
        if self._task is not None:
            await self._task

    async def abandon(self) -> None:
        await stop([self._task] if self._task else [])

    async def _poll_accounts(self) -> None:
        while not self._closing.is_set():
            for customer_id in reversed(list(self.ledger.accounts.values())):
                ref = self.ledger.customers[customer_id].source_id
                if ref not in self.holders:
                    await self._bank_with(ref, customer_id)
                    break
            await asyncio.sleep(PAUSE)

    @property
    def booked(self) -> dict[str, CoreTransaction]:
        return {each.transaction_ref: each for each in self.said if isinstance(each, CoreTransaction)}

    @property
    def stated(self) -> dict[str, CoreAccount]:
        """As each account was stated last."""
        accounts = [each for each in self.said if isinstance(each, CoreAccount)]
        return {each.account_ref: each for each in sorted(accounts, key=lambda each: each.sequence)}

    async def _bank_with(self, ref: str, customer_id: str) -> None:
        """A booking that comes before its account, the account, and more; then the first of each once more."""
        self.holders[ref] = customer_id
        salary, shopping, cash = (_booking(ref, number) for number in (1, 2, 3))
        account, later = _account(ref, 1, "1000.00"), _account(ref, LAST, "1000.00", salary, shopping, cash)
        await self._say([salary, account, shopping, cash, later])
        await self._say([account, salary])

    async def say_again(self) -> None:
        """All of it, as whoever runs the core does when Kafka lost it."""
        await self._say(list(self.said), noted=False)

    async def _say(self, records: Sequence[CoreAccount | CoreTransaction], *, noted: bool = True) -> None:
        async with asyncio.timeout(ANSWERED_WITHIN):
            while not await self._taken(records):  # noqa: ASYNC110 - by another process
                await asyncio.sleep(PAUSE)
        if noted:
            self.said += records

    async def _taken(self, records: Sequence[CoreAccount | CoreTransaction]) -> bool:
        try:
            async with CoreTopics(self.settings) as topics:
                for each in records:
                    if isinstance(each, CoreAccount):
                        await topics.state([each], _unwatched)
                    else:
                        await topics.book([(each.account_ref, each)], _unwatched)
        except LocalFailure:
            return False
        return True


def _unwatched(_sent: int) -> None:
    """Nobody looks how far it is."""


def _account(ref: str, sequence: int, balance: str, *since: CoreTransaction) -> CoreAccount:
    moved = sum(each.amount if each.direction == "credit" else -each.amount for each in since)
    return CoreAccount(
        source=SOURCE,
        account_ref=ref,
        kind="savings",
        product="储蓄存款",
        currency="CNY",
        holders=[Holder(customer_ref=ref, role="owner")],
        unit_code=None,
        opened_on=None,
        status="open",
        balance=Decimal(balance) + moved,
        sequence=sequence,
        as_of=datetime.now(UTC) - timedelta(minutes=1),
    )


def _booking(ref: str, number: int) -> CoreTransaction:
    return CoreTransaction(
        source=SOURCE,
        transaction_ref=f"{ref}-{number}",
        account_ref=ref,
        direction="credit" if number == 1 else "debit",
        amount=Decimal(f"{int(ref) % 700 + 100 * (4 - number)}.{number:02d}"),
        currency="CNY",
        booked_at=datetime.now(UTC) - timedelta(minutes=1),
        channel="mobile",
        category="transfer",
        counterparty_bank=None,
        initiated_by="customer",
        sequence=number,
    )
