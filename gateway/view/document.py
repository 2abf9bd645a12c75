"""The 360° document: ready-made bytes of each section spliced together, parsed by nobody."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import orjson

from gateway.view.storage import Section


class State(StrEnum):
    OK = "ok"
    STALE = "stale"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Shown:
    """A section with its state."""

    section: Section
    state: State


def shown(section: Section, *, permitted: bool, now: datetime, stale_after: int) -> Shown:
    if not permitted:
        return Shown(
            Section(name=section.name, version=None, changed_at=None, as_of=None, document=None), State.FORBIDDEN
        )
    if section.document is None:
        return Shown(section, State.MISSING)
    fresh = section.as_of is not None and section.as_of > now - timedelta(seconds=stale_after)
    return Shown(section, State.OK if fresh else State.STALE)


def render(customer_id: UUID, parts: Iterable[Shown]) -> bytes:
    body = b",".join(_part(part) for part in parts)
    return b'{"customer_id":"%s","sections":{%s}}' % (str(customer_id).encode(), body)


def etag(parts: Sequence[Shown], variant: str) -> str:
    """Of versions, states and the variant; never of `as_of`, which moves each second."""
    named = [variant, *[f"{p.section.name}:{p.section.version}:{p.state}" for p in parts]]
    return f'"{hashlib.sha256(" ".join(named).encode()).hexdigest()[:32]}"'


def _part(part: Shown) -> bytes:
    section = part.section
    head = orjson.dumps(
        {
            "state": part.state,
            "version": section.version,
            "changed_at": section.changed_at,
            "as_of": section.as_of,
        },
        option=orjson.OPT_UTC_Z,
    )
    data = section.document.encode() if section.document is not None else b"null"
    return b'"%s":%s,"data":%s}' % (section.name.encode(), head[:-1], data)
