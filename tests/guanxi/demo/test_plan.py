"""The demo bank's plan: the same for the same seed, and its document numbers pass every check and belong to nobody."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from guanxi.demo.core import statements, transactions
from guanxi.demo.people import FIRM_EVERY, people
from guanxi.demo.plan import Planned, plan
from services.customer.domain.identity_documents import DocumentType, check_number

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
MANY = 5000


@pytest.fixture(scope="module")
def planned() -> list[Planned]:
    return [plan(7, place) for place in range(MANY)]


def test_the_same_seed_gives_the_same_bank_and_a_larger_one_begins_alike(planned: list[Planned]) -> None:
    assert [plan(7, place) for place in range(100)] == planned[:100]
    assert [plan(8, place) for place in range(100)] != planned[:100]


def test_every_document_number_passes_every_check_and_is_given_once(planned: list[Planned]) -> None:
    numbers = [one.who.document for one in planned]
    assert len(set(numbers)) == MANY
    for one in planned:
        wrong = check_number(DocumentType(one.who.document_type), one.who.document, today=NOW.date())
        assert wrong is None, f"{one.who.document}: {wrong}"


def test_every_document_number_lies_in_a_district_that_is_on_no_map(planned: list[Planned]) -> None:
    for one in planned:
        district = one.who.document[2:8] if one.who.kind == "organisation" else one.who.document[:6]
        assert 119_900 <= int(district) <= 119_999


def test_there_are_persons_and_firms_with_chinese_names(planned: list[Planned]) -> None:
    firms = [one.who for one in planned if one.who.kind == "organisation"]
    assert len(firms) == MANY // FIRM_EVERY
    assert all(firm.name.endswith("有限公司") for firm in firms)
    assert all(2 <= len(one.who.name) <= 3 for one in planned if one.who.kind == "person")
    assert [one.who for one in planned[:50]] == people(7, 50)


def test_the_first_has_something_of_everything(planned: list[Planned]) -> None:
    first = planned[0]
    assert {"savings", "term_deposit"} <= {holding.kind for holding in first.holdings}
    assert (first.complaint, first.channels, first.spouse) == ("closed", ("sms", "push"), 1)
    assert any(holding.bookings for holding in first.holdings)


def test_what_the_core_states_fits_what_it_books(planned: list[Planned]) -> None:
    for one in planned[:500]:
        stated = {(s.account_ref, s.sequence): s for s in statements(one, NOW, customers=MANY)}
        booked = list(transactions(one, NOW.date()))
        assert len({b.transaction_ref for b in booked}) == len(booked)
        for holding in one.holdings:
            before = stated[holding.ref, 1]
            now = stated.get((holding.ref, 2), before)
            assert before.as_of < NOW
            assert ((holding.ref, 2) in stated) == bool(holding.bookings)
            moved = sum(
                (b.amount if b.direction == "credit" else -b.amount for b in booked if b.account_ref == holding.ref),
                Decimal(0),
            )
            signed = -moved if holding.kind == "credit_card" else moved
            assert now.balance == max((before.balance or Decimal(0)) + signed, Decimal(0))
            assert all(before.as_of < b.booked_at < NOW for b in booked if b.account_ref == holding.ref)


def test_a_customer_number_is_the_first_holders(planned: list[Planned]) -> None:
    for one in planned[:500]:
        assert {each.holders[0].customer_ref for each in statements(one, NOW, customers=MANY)} <= {one.ref}


def test_spouses_are_persons_and_nobody_beyond_the_bank_owns_anything(planned: list[Planned]) -> None:
    spouses = [planned[one.spouse] for one in planned if one.spouse is not None and one.spouse < MANY]
    assert {spouse.who.kind for spouse in spouses} == {"person"}
    assert len(spouses) > MANY / 20
    housemates = [
        (one, planned[one.housemate]) for one in planned if one.housemate is not None and one.housemate < MANY
    ]
    assert {(other.who.kind, other.branch == one.branch) for one, other in housemates} == {("person", True)}
    co_owned = next(one for one in planned if any(holding.co_owner for holding in one.holdings))
    for customers, most in ((co_owned.place + 1, 1), (co_owned.place + 2, 2)):
        assert max(len(each.holders) for each in statements(co_owned, NOW, customers=customers)) == most


@pytest.mark.parametrize("seed", [8, 7 + 31, 7 + 31**2, 20_260_101])
def test_two_seeds_give_two_banks(planned: list[Planned], seed: int) -> None:
    other = [plan(seed, place) for place in range(MANY)]
    assert not {one.ref for one in planned} & {one.ref for one in other}
    assert not {one.who.document for one in planned} & {one.who.document for one in other}
