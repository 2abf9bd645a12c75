"""What a customer contributes: reckoned by hand here, line by line; the reasons are the score, to the cent."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain import InvalidValue
from libs.contracts.scoring import ScoreCause, ScoreGroup
from services.scoring.domain.contribution import Cause, Reason, ValueGroup, reasons_of, total, value_group
from services.scoring.domain.holding import DEPOSITS, LOANS, Holding
from services.scoring.domain.policy import ContributionPolicy
from services.scoring.domain.rfm import Fifths
from services.scoring.domain.score import Score

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)


def policy(**changed: object) -> ContributionPolicy:
    figures = {
        "effective_from": date(2020, 1, 1), "currency": "CNY", "ftp_deposits": Decimal("0.02"),
        "ftp_loans": Decimal("0.03"), "cost_per_account": Decimal(60), "cost_per_branch_contact": Decimal(15),
        "pd": {"0": Decimal("0.005"), "1-30": Decimal("0.03"), "31-90": Decimal("0.15"), "90+": Decimal(1)},
        "lgd": Decimal("0.45"), "tax": Decimal("0.25"), "capital": Decimal("0.105"), "hurdle": Decimal("0.10"),
        "valuable_from": Decimal(1000), "high_from": Decimal(10000), **changed,
    }  # fmt: skip
    return ContributionPolicy(id=uuid4(), **figures)  # type: ignore[arg-type] # by name


def holding(
    kind: str, average: str, interest: str = "0", overdue: dict[str, str] | None = None, **changed: object
) -> Holding:
    values = {
        "kind": kind, "currency": "CNY", "accounts": 1, "rated_average": Decimal(average),
        "year_interest": Decimal(interest),
        "overdue": {bucket: Decimal(owed) for bucket, owed in (overdue or {}).items()}, **changed,
    }  # fmt: skip
    return Holding(**values)  # type: ignore[arg-type] # by name


def lines(holdings: list[Holding], *, fees: str = "0", branch_contacts: int = 0) -> list[Reason]:
    return reasons_of(holdings, policy(), fees=Decimal(fees), branch_contacts=branch_contacts)


SAVINGS = holding("savings", "100000", "500", {"0": "100000"})
LOAN = holding("loan", "200000", "9000", {"0": "150000", "31-90": "50000"})


def test_what_is_overpaid_costs_nothing_and_brings_nothing() -> None:
    card = holding("credit_card", "0", "0", {"0": "-5000"})
    assert [(line.cause, line.amount) for line in lines([card])] == [(Cause.OPERATING_COST, Decimal(-60))]


def test_each_line_is_as_reckoned_by_hand() -> None:
    found = {(line.cause, line.kind): line.amount for line in lines([SAVINGS, LOAN])}
    assert found == {
        (Cause.DEPOSIT_INCOME, "savings"): Decimal("1520.83"),  # (100,000 at 2 % less 500) by 365 / 360
        (Cause.LOAN_INCOME, "loan"): Decimal("3041.67"),  # (9,000 less 200,000 at 3 %) by 365 / 360
        (Cause.OPERATING_COST, "savings"): Decimal("-60.00"),
        (Cause.OPERATING_COST, "loan"): Decimal("-60.00"),
        (Cause.EXPECTED_LOSS, "loan"): Decimal("-3712.50"),  # (150,000 at 0.5 % and 50,000 at 15 %) by 45 %
        (Cause.TAX, None): Decimal("-182.50"),  # 25 % of 730.00
        (Cause.CAPITAL_COST, None): Decimal("-2100.00"),  # 10 % on 10.5 % of 200,000
    }
    assert total(lines([SAVINGS, LOAN])) == Decimal("-1552.50")


def test_a_loss_is_not_taxed_and_nothing_is_no_line() -> None:
    assert lines([]) == []
    causes = [line.cause for line in lines([holding("debit_card", "0")])]
    assert causes == [Cause.OPERATING_COST]


def test_contacts_at_a_branch_cost_a_piece_and_lessen_the_tax() -> None:
    found = {(line.cause, line.kind): line.amount for line in lines([SAVINGS], branch_contacts=4)}
    assert found[Cause.CONTACT_COST, None] == Decimal("-60.00")  # 4 by 15
    assert found[Cause.TAX, None] == Decimal("-350.21")  # 25 % of 1,520.83 less 60 less 60, and none on a loss
    assert lines([], branch_contacts=1)[0].amount == Decimal("-15.00")


def test_fees_are_income() -> None:
    assert [(line.cause, line.amount) for line in lines([], fees="100.005")] == [
        (Cause.FEE_INCOME, Decimal("100.01")),
        (Cause.TAX, Decimal("-25.00")),
    ]


def test_the_published_causes_are_those_that_there_are() -> None:
    assert set(get_args(ScoreCause)) == set(Cause)
    assert set(get_args(ScoreGroup)) == set(ValueGroup)


def test_another_currency_counts_for_nothing() -> None:
    assert lines([holding("savings", "100000", currency="USD")]) == []


AMOUNTS = st.decimals("0", "1e12", places=4)
HOLDINGS = st.builds(
    Holding,
    kind=st.sampled_from(sorted({*DEPOSITS, *LOANS, "fund"})),
    currency=st.just("CNY"),
    accounts=st.integers(0, 50),
    rated_average=AMOUNTS,
    year_interest=AMOUNTS,
    overdue=st.dictionaries(st.sampled_from(["0", "1-30", "31-90", "90+"]), AMOUNTS),
)


@given(st.lists(HOLDINGS, max_size=12), st.integers(0, 365), st.decimals("-1e6", "1e6", places=4))
def test_the_reasons_add_up_to_the_score_to_the_cent(holdings: list[Holding], contacts: int, fees: Decimal) -> None:
    score = Score(id=uuid4(), customer_id=uuid4(), as_of=TODAY, policy_id=uuid4(), currency="CNY")
    score.hear(
        holdings,
        assets=Decimal(0),
        initiated=1,
        last_initiated_on=TODAY,
        branch_contacts=contacts,
        fees=fees,
        as_of=TODAY,
    )
    score.compute(policy(), None, today=TODAY, at=NOW)
    assert score.contribution == sum((line.amount for line in score.reasons), Decimal(0))
    assert all(line.amount == line.amount.quantize(Decimal("0.01")) for line in score.reasons)
    ((_, event, sequence),) = score.take_events()
    assert (event.contribution, sequence) == (score.contribution, 1)  # type: ignore[attr-defined] # it is the one there is


@pytest.mark.parametrize(
    ("value", "group"),
    [
        ("-5", ValueGroup.LOW), ("999.99", ValueGroup.LOW), ("1000", ValueGroup.VALUABLE),
        ("9999.99", ValueGroup.VALUABLE), ("10000", ValueGroup.HIGH_VALUE_ADDED),
    ],
)  # fmt: skip
def test_a_group_begins_at_its_bound(value: str, group: ValueGroup) -> None:
    assert value_group(Decimal(value), is_asleep=False, policy=policy()) is group
    assert value_group(Decimal(value), is_asleep=True, policy=policy()) is ValueGroup.SLEEPING


@pytest.mark.parametrize(
    ("holdings", "days_ago", "is_asleep"),
    [([], 1, True), ([SAVINGS], None, True), ([SAVINGS], 90, True), ([SAVINGS], 89, False)],
)
def test_who_does_nothing_for_ninety_days_sleeps(
    holdings: list[Holding], days_ago: int | None, *, is_asleep: bool
) -> None:
    score = Score(id=uuid4(), customer_id=uuid4(), as_of=TODAY, policy_id=uuid4(), currency="CNY")
    last = None if days_ago is None else TODAY - timedelta(days=days_ago)
    score.hear(
        holdings,
        assets=Decimal(0),
        initiated=0,
        last_initiated_on=last,
        branch_contacts=0,
        fees=Decimal(0),
        as_of=TODAY,
    )
    score.compute(policy(), None, today=TODAY, at=NOW)
    assert (score.value_group is ValueGroup.SLEEPING) == is_asleep


@pytest.mark.parametrize(
    ("fifths", "name"),
    [
        ((5, 5, 5), "champion"),
        ((2, 3, 4), "at_risk"),
        ((4, 4, 1), "loyal"),
        ((5, 1, 1), "new"),
        ((1, 1, 1), "sleeping"),
        ((3, 3, 3), "regular"),
    ],
)
def test_fifths_have_a_name(fifths: tuple[int, int, int], name: str) -> None:
    assert Fifths(recency=fifths[0], frequency=fifths[1], monetary=fifths[2]).name == name


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"effective_from": TODAY}, "effective_from"),
        ({"effective_from": date(2027, 1, 1), "high_from": Decimal(1)}, "high_from"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(changed: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        policy(**changed).adopt(today=TODAY, at=NOW)
    assert refused.value.field == field
