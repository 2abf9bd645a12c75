"""What an app copies from others is made anew while everybody is at work: what it lost is there again, no version falls."""

from uuid import UUID

import pytest

from tests.e2e.stacks import guanxi
from tests.faults.bank import Bank
from tests.faults.reader import WATCHED
from tests.polling import until

pytestmark = [pytest.mark.deep, pytest.mark.kills]

LOST = 5
SHOWN = "SELECT count(DISTINCT customer_id) FROM view.sections WHERE customer_id = ANY($1)"


@pytest.mark.parametrize(("app", "copies"), [("gateway", "view"), ("customer", "directory")])
async def test_copies_are_made_anew_under_load(bank: Bank, app: str, copies: str) -> None:
    before = bank.driver.ledger.acknowledged
    with bank.at_leisure():
        ended, said = await guanxi(bank.stack.settings, "rebuild", app, copies)
        assert ended == 0, said
        assert bank.driver.ledger.acknowledged > before, "nobody was at work"
        await bank.whole_again()


async def test_customers_whom_the_view_lost_are_shown_again(bank: Bank) -> None:
    """Of those whom nobody watches for versions that fall: what is gone would be the deepest fall."""

    async def enough() -> bool:
        return len(bank.driver.ledger.customers) > WATCHED + 10 * LOST

    await until(enough, "there are some whom nobody watches")
    lost = [UUID(customer_id) for customer_id in bank.driver.ledger.newest[WATCHED // 2 :][:LOST]]
    await bank.databases.rows("gateway", "DELETE FROM view.sections WHERE customer_id = ANY($1)", lost)
    with bank.at_leisure():
        ended, said = await guanxi(bank.stack.settings, "rebuild", "gateway", "view")
    assert ended == 0, said
    assert await bank.databases.value("gateway", SHOWN, lost) == LOST
