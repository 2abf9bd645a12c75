"""A record that nobody can read: set aside, listed, shown to whoever holds the keys, and tried again."""

import re
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from guanxi.core_topics import CoreTopics
from guanxi.local.stack import Stack
from libs.contracts.core import ACCOUNTS, CoreAccount, Holder
from tests.e2e.stacks import guanxi, owner_of
from tests.polling import until

BROKEN = b'{"source": "core", "account_ref": '
STUCK = CoreAccount(
    source="stuck", account_ref="stuck-1", kind="savings", product="stuck", currency="CNY", status="open", sequence=1,
    holders=[Holder(customer_ref="stuck", role="owner")], unit_code=None, opened_on=None, as_of=datetime.now(UTC),
)  # fmt: skip
WRONG = "ALTER TABLE accounts ADD CONSTRAINT wrong CHECK (product <> 'stuck') NOT VALID"
MENDED = "ALTER TABLE accounts DROP CONSTRAINT wrong"
SET_ASIDE = "SELECT id::text FROM dead_letters WHERE topic = $1 AND cause = 'IntegrityError' AND handled_at IS NULL"


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

    await until(is_listed)
    id_ = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", said)[0]
    ended, shown = await guanxi(stack.settings, "dlq", "show", id_)
    assert (ended, BROKEN.decode() in shown) == (0, True), shown
    ended, tried = await guanxi(stack.settings, "dlq", "retry", id_)
    assert (ended, "failed again: ValidationError" in tried, "0 of 1" in tried) == (1, True, True), tried
    ended, refused = await guanxi(stack.settings, "dlq", "retry", id_.replace(id_[-4:], "0000"))
    assert (ended, "no dead letters" in refused) == (2, True), refused


async def test_it_is_handled_once_what_was_wrong_is_mended(stack: Stack) -> None:
    async with owner_of(stack, "customer") as owner, CoreTopics(stack.settings) as core:
        await owner.execute(WRONG)
        try:
            await core.state([STUCK], lambda _: None)
            letters: list[str] = []

            async def is_set_aside() -> bool:
                letters[:] = [row[0] for row in await owner.fetch(SET_ASIDE, ACCOUNTS.name)]
                return bool(letters)

            await until(is_set_aside)
            ended, tried = await guanxi(stack.settings, "dlq", "retry", *letters)
            assert (ended, "0 of 1" in tried) == (1, True), tried
        finally:
            await owner.execute(MENDED)
        ended, tried = await guanxi(stack.settings, "dlq", "retry", *letters)
        assert (ended, "1 of 1" in tried) == (0, True), tried
        assert await owner.fetchval("SELECT count(*) FROM accounts WHERE source = 'stuck'") == 1
        ended, refused = await guanxi(stack.settings, "dlq", "retry", *letters)
        assert (ended, "no dead letters" in refused) == (2, True), refused
