"""What some roles see of an identifier, wherever it stands in a document."""

from dataclasses import dataclass
from uuid import uuid4

import pytest

from libs.common.outlines import Masked, outline, outlined
from libs.common.schemas import View


@pytest.mark.parametrize(
    ("masked", "shown"),
    [("138****5678", "1*********8"), ("a***@b.cn", "a*******n"), ("ab", "**"), ("", ""), ("张*明", "张*明")],
)
def test_its_first_and_last_character(masked: str, shown: str) -> None:
    assert outline(masked) == shown


@dataclass(frozen=True)
class Card:
    number: Masked | None
    name: str


@dataclass(frozen=True)
class Wallet:
    card: Card
    others: list[Card]
    lost: list[Masked]
    owner: str


class WalletView(View):
    others: list[Card]
    number: Masked | None
    owner: str


def test_in_a_document_wherever_it_stands() -> None:
    card = {"number": "6222 **** 1234", "name": "6222 1234"}
    document = {"card": card, "others": [card, {"number": None, "name": "x"}], "lost": ["ab*de"], "owner": "a**b"}
    seen = {"number": "6************4", "name": "6222 1234"}
    assert outlined(Wallet, document) == {
        "card": seen, "others": [seen, {"number": None, "name": "x"}], "lost": ["a***e"], "owner": "a**b",
    }  # fmt: skip
    assert document["lost"] == ["ab*de"], "a copy"


def test_a_document_that_lacks_a_field_is_taken_as_it_is() -> None:
    assert outlined(Wallet, {"owner": "a"}) == {"owner": "a"}
    assert outlined(Wallet, None) is None


def test_in_what_an_api_shows() -> None:
    view = WalletView(id=uuid4(), version=1, others=[], number="M12**34", owner="a**b")
    assert (view.outlined().number, view.outlined().owner, view.number) == ("M*****4", "a**b", "M12**34")
