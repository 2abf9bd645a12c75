from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import orjson

from libs.common.keyring import BadSignature, KeyRing

LIFETIME = timedelta(hours=24)
_PURPOSE = "cursors"


class BadCursor(Exception):
    """A page cursor that is not valid for this request. One message for every cause."""

    def __init__(self) -> None:
        super().__init__("The cursor is not valid for this request: start again from the first page.")


def encode_cursor(
    ring: KeyRing,
    *,
    route: str,
    filters: Mapping[str, str],
    principal: str,
    position: Sequence[str | int | None],
    now: datetime,
) -> str:
    """Sign the last row's sort key as a cursor, valid for 24 h and for this route, principal and filters.

    The sort order belongs into `filters`. The position can be read by whoever holds the cursor, and cursors
    stand in URLs: put ids, times and numbers into it, no identifier and no name.
    """
    payload = orjson.dumps([_seconds(now + LIFETIME), *position])
    return ring.sign(_PURPOSE, payload, bound_to=_binding(route, filters, principal))


def decode_cursor(
    ring: KeyRing,
    cursor: str,
    *,
    route: str,
    filters: Mapping[str, str],
    principal: str,
    now: datetime,
) -> list[str | int | None]:
    """The position in a cursor; `BadCursor` if it is altered, outdated or was given for another request."""
    try:
        payload = ring.verify(_PURPOSE, cursor, bound_to=_binding(route, filters, principal))
    except BadSignature:
        raise BadCursor from None
    valid_until: int
    position: list[str | int | None]
    valid_until, *position = orjson.loads(payload)
    if _seconds(now) >= valid_until:
        raise BadCursor
    return position


def _binding(route: str, filters: Mapping[str, str], principal: str) -> bytes:
    return orjson.dumps([route, principal, dict(filters)], option=orjson.OPT_SORT_KEYS)


def _seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a cursor needs a time with its zone")
    return int(moment.timestamp())
