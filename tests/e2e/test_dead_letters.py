"""A record that nobody can read: set aside, listed, shown to whoever holds the keys, and tried again."""

import re

from aiokafka import AIOKafkaProducer

from guanxi.local.stack import Stack
from libs.contracts.core import ACCOUNTS
from tests.e2e.stacks import guanxi
from tests.polling import until

BROKEN = b'{"source": "core", "account_ref": '


async def test_a_broken_record_is_set_aside_and_shown_and_fails_again(stack: Stack) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.settings.kafka_address)
    await producer.start()
    await producer.send_and_wait(ACCOUNTS.name, BROKEN, key=b"broken")
    await producer.stop()
    said = ""

    async def is_listed() -> bool:
        nonlocal said
        ended, said = await guanxi(stack.settings, "dlq", "list")
        assert ended == 0, said
        return "ValidationErr" in said

    await until(is_listed, seconds=60)
    id_ = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", said)[0]
    ended, shown = await guanxi(stack.settings, "dlq", "show", id_)
    assert (ended, BROKEN.decode() in shown) == (0, True), shown
    ended, tried = await guanxi(stack.settings, "dlq", "retry", id_)
    assert (ended, "failed again: ValidationError" in tried, "0 of 1" in tried) == (1, True, True), tried
    ended, refused = await guanxi(stack.settings, "dlq", "retry", id_.replace(id_[-4:], "0000"))
    assert (ended, "no dead letters" in refused) == (2, True), refused
