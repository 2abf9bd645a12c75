"""The 360° document: ready-made bytes of each section spliced together, parsed by nobody."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Shown:
    """A section with its state, and how far it is known to be complete."""

    section: Section
    state: State
    as_of: datetime | None


def shown(section: Section, as_of: datetime | None, *, stale_before: datetime) -> Shown:
    if section.document is None:
        return Shown(section, State.MISSING, as_of)
    return Shown(section, State.OK if as_of is not None and as_of > stale_before else State.STALE, as_of)


def forbidden(name: str) -> Shown:
    return Shown(Section(name), State.FORBIDDEN, None)


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
            "as_of": part.as_of,
        },
        option=orjson.OPT_UTC_Z,
    )
    data = section.document.encode() if section.document is not None else b"null"
    return b'"%s":%s,"data":%s}' % (section.name.encode(), head[:-1], data)
