import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from libs.common.cursor import BadCursor, decode_cursor, encode_cursor
from libs.common.keyring import KeyRing

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ROUTE = "/api/v1/customers"
FILTERS = {"grade": "gold", "sort": "-id"}
POSITION: list[str | int | None] = ["2026-03-01T00:00:00Z", 42, None, "末"]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.generate(tmp_path / "keys.json")


def encode(ring: KeyRing) -> str:
    return encode_cursor(ring, route=ROUTE, filters=FILTERS, principal="anna", position=POSITION, now=NOW)


def decode(
    ring: KeyRing,
    cursor: str,
    *,
    route: str = ROUTE,
    filters: Mapping[str, str] = FILTERS,
    principal: str = "anna",
    now: datetime = NOW,
) -> list[str | int | None]:
    return decode_cursor(ring, cursor, route=route, filters=filters, principal=principal, now=now)


def test_a_cursor_gives_its_position_back(ring: KeyRing) -> None:
    assert decode(ring, encode(ring)) == POSITION


def test_the_order_of_filters_does_not_matter(ring: KeyRing) -> None:
    assert decode(ring, encode(ring), filters=dict(reversed(FILTERS.items()))) == POSITION


def test_a_cursor_is_refused_on_another_route(ring: KeyRing) -> None:
    with pytest.raises(BadCursor):
        decode(ring, encode(ring), route="/api/v1/complaints")


def test_a_cursor_is_refused_for_another_principal(ring: KeyRing) -> None:
    with pytest.raises(BadCursor):
        decode(ring, encode(ring), principal="bert")


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"grade": "gold"},
        {"grade": "gold", "sort": "id"},
        {"grade": "-id", "sort": "gold"},
        FILTERS | {"unit": "1"},
        {"grade": 'gold","sort":"-id'},
    ],
)
def test_a_cursor_is_refused_with_other_filters(ring: KeyRing, filters: dict[str, str]) -> None:
    with pytest.raises(BadCursor):
        decode(ring, encode(ring), filters=filters)


def test_a_cursor_holds_for_a_day_and_no_longer(ring: KeyRing) -> None:
    cursor = encode(ring)
    assert decode(ring, cursor, now=NOW + timedelta(hours=24, seconds=-1)) == POSITION
    with pytest.raises(BadCursor):
        decode(ring, cursor, now=NOW + timedelta(hours=24))


def test_the_day_is_counted_across_time_zones(ring: KeyRing) -> None:
    beijing = (NOW + timedelta(hours=23)).astimezone(timezone(timedelta(hours=8)))
    assert decode(ring, encode(ring), now=beijing) == POSITION


def test_a_time_without_a_zone_is_refused(ring: KeyRing) -> None:
    with pytest.raises(ValueError, match="with its zone"):
        decode(ring, encode(ring), now=NOW.replace(tzinfo=None))


def test_every_flipped_bit_is_refused(ring: KeyRing) -> None:
    raw = base64.urlsafe_b64decode(encode(ring) + "==")
    for at in range(len(raw) * 8):
        altered = bytearray(raw)
        altered[at // 8] ^= 1 << at % 8
        with pytest.raises(BadCursor):
            decode(ring, base64.urlsafe_b64encode(altered).rstrip(b"=").decode())


@pytest.mark.parametrize("wrong", ["", "AAAA", "%", "关系", "null"])
def test_a_text_that_is_no_cursor_is_refused(ring: KeyRing, wrong: str) -> None:
    with pytest.raises(BadCursor):
        decode(ring, wrong)


def test_a_token_of_another_purpose_is_no_cursor(ring: KeyRing) -> None:
    with pytest.raises(BadCursor):
        decode(ring, ring.sign("consistency", b"[9999999999,1]"))


def test_every_refusal_says_the_same(ring: KeyRing) -> None:
    cursor = encode(ring)
    causes: list[Callable[[], object]] = [
        lambda: decode(ring, "AAAA"),
        lambda: decode(ring, cursor, principal="bert"),
        lambda: decode(ring, cursor, now=NOW + timedelta(days=2)),
    ]
    said = set()
    for cause in causes:
        with pytest.raises(BadCursor) as refused:
            cause()
        said.add(str(refused.value))
    assert said == {"The cursor is not valid for this request: start again from the first page."}


def test_a_cursor_carries_no_filter_and_no_principal(ring: KeyRing) -> None:
    raw = base64.urlsafe_b64decode(encode(ring) + "==")
    assert b"gold" not in raw
    assert b"anna" not in raw
