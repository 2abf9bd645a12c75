"""What an app copies from others is made anew, from nothing, while everybody is at work: no reader sees a version fall."""

import pytest

from tests.e2e.stacks import guanxi
from tests.faults.bank import Bank

pytestmark = [pytest.mark.deep, pytest.mark.kills]


@pytest.mark.parametrize(("app", "copies"), [("gateway", "view"), ("customer", "directory")])
async def test_copies_are_made_anew_under_load(bank: Bank, app: str, copies: str) -> None:
    before = bank.driver.ledger.acknowledged
    with bank.at_leisure():
        ended, said = await guanxi(bank.stack.settings, "rebuild", app, copies)
        assert ended == 0, said
        assert bank.driver.ledger.acknowledged > before, "nobody was at work"
        await bank.whole_again()
