"""The bank's core, as it speaks on its topics: what a demo or an importer states and books."""

import asyncio
import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter

from guanxi.local.failures import LocalFailure
from guanxi.local.settings import LocalSettings
from libs.contracts.core import ACCOUNTS, TRANSACTIONS, CoreAccount, CoreTransaction

AT_ONCE = 500
STATED, BOOKED = TypeAdapter(CoreAccount), TypeAdapter(CoreTransaction)


class CoreTopics:
    """Records keyed by the main holder, so that what is told of one customer keeps its order."""

    def __init__(self, settings: LocalSettings) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_address, enable_idempotence=True, acks="all")

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise _untaken(error) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def state(self, accounts: Sequence[CoreAccount], done: Callable[[int], object]) -> None:
        records = [(account.holders[0].customer_ref, STATED.dump_json(account)) for account in accounts]
        await self._send(ACCOUNTS.name, records, done)

    async def book(self, bookings: Sequence[tuple[str, CoreTransaction]], done: Callable[[int], object]) -> None:
        """Each with the customer number of the account's main holder."""
        await self._send(TRANSACTIONS.name, [(ref, BOOKED.dump_json(booking)) for ref, booking in bookings], done)

    async def _send(self, topic: str, records: Sequence[tuple[str, bytes]], done: Callable[[int], object]) -> None:
        try:
            for first in range(0, len(records), AT_ONCE):
                some = records[first : first + AT_ONCE]
                sent = [self._producer.send_and_wait(topic, value, key=ref.encode()) for ref, value in some]
                await asyncio.gather(*sent)
                done(len(some))
        except KafkaError as error:
            raise _untaken(error) from None


def _untaken(error: KafkaError) -> LocalFailure:
    sentence = f"Kafka did not take what the core states ({type(error).__name__}): repeat it, nothing is doubled."
    return LocalFailure(sentence, os.EX_UNAVAILABLE)
