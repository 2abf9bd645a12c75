"""The 360° document: ready-made JSON of each section put together, parsed by nobody."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, get_type_hints
from uuid import UUID

import orjson

from gateway.view.storage import Section
from libs.common.caller import Variant
from libs.common.outlines import outlined
from libs.contracts.catalogue import SECTIONS


class State(StrEnum):
    OK = "ok"
    STALE = "stale"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    FORBIDDEN = "forbidden"


class Shown(NamedTuple):
    """A section with its state, and how far it is known to be complete."""

    section: Section
    state: State
    as_of: datetime | None


def shown(section: Section, as_of: datetime | None, *, stale_before: datetime) -> Shown:
    if section.document is None:
        return Shown(section, State.MISSING, as_of)
    return Shown(section, State.OK if as_of is not None and as_of > stale_before else State.STALE, as_of)


def narrowed(section: Section, variant: Variant) -> Section:
    """With identifiers outlined, for the few roles that see no more: only then a document is parsed."""
    if section.document is None:
        return section
    shape = get_type_hints(SECTIONS[section.name][1])[variant]
    return section._replace(document=orjson.dumps(outlined(shape, orjson.loads(section.document))).decode())


def forbidden(name: str) -> Shown:
    return Shown(Section(name), State.FORBIDDEN, None)


def render(customer_id: UUID, parts: Iterable[Shown]) -> bytes:
    sections = {part.section.name: _part(part) for part in parts}
    # As text: the driver has a kind of UUID of its own, which is none to the serializer.
    return orjson.dumps({"customer_id": str(customer_id), "sections": sections}, option=orjson.OPT_UTC_Z)


def etag(parts: Sequence[Shown], variant: str) -> str:
    """Of versions, states and the variant; never of `as_of`, which moves each second."""
    named = [variant, *[f"{p.section.name}:{p.section.version}:{p.state}" for p in parts]]
    return f'"{hashlib.sha256(" ".join(named).encode()).hexdigest()[:32]}"'


def _part(part: Shown) -> dict[str, Any]:
    _, version, changed_at, document = part.section
    data = None if document is None else orjson.Fragment(document)
    return {"state": part.state, "version": version, "changed_at": changed_at, "as_of": part.as_of, "data": data}
