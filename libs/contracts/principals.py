"""Who writes and who reads which topic: each app, the bank's core and each partner is a Kafka principal of its own.

A service writes what it publishes and reads what it hears. Sections and the audit trail are for the gateway alone,
dead letters for operators, references for every app of ours; a partner reads event topics that the bank grants to it,
and nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from libs.common.topics import AUDIT, Topic
from libs.contracts import complaints, core, customer, manager, marketing, scoring
from libs.contracts.catalogue import ANNOUNCEMENTS, CORE, EVENTS, REFERENCES, SECTIONS

PUBLISHERS: dict[str, ModuleType] = {
    "customer": customer,
    "manager": manager,
    "marketing": marketing,
    "complaints": complaints,
    "scoring": scoring,
}
"""Service → the contracts that it publishes."""

HEARS: dict[str, tuple[Topic, ...]] = {
    "customer": (core.ACCOUNTS, core.TRANSACTIONS, *EVENTS),
    "manager": (customer.EVENTS, complaints.EVENTS),
    "marketing": (customer.EVENTS, complaints.EVENTS, scoring.EVENTS),
    "complaints": (customer.EVENTS,),
    "scoring": (customer.EVENTS,),
}
"""Service → whose events it handles."""

WEBHOOKS: tuple[Topic, ...] = (customer.EVENTS,)
"""What the gateway tells partners of, where customers consent."""

PARTNER = "partner-"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What one principal may do. `group` is a consumer group; those that begin with it and a dot are its own too."""

    principal: str
    writes: tuple[Topic, ...] = ()
    reads: tuple[Topic, ...] = ()
    group: str | None = None


def all_rights(partners: dict[str, Sequence[str]] | None = None) -> list[Rights]:
    """Everybody's. `partners` says by name which event topics each may read.

    Raises:
        ValueError: a partner has no fit name, or is granted something that is no event topic.
    """
    services = [_service(name) for name in PUBLISHERS]
    sections = tuple(topic for topic, _ in SECTIONS.values())
    read_by_gateway = (*sections, *REFERENCES, *WEBHOOKS, AUDIT)
    gateway = Rights(principal="gateway", writes=(AUDIT,), reads=read_by_gateway, group="crm.gateway")
    bank = Rights(principal="core", writes=tuple(CORE))
    return [*services, gateway, bank, *(_partner(name, granted) for name, granted in (partners or {}).items())]


def _service(name: str) -> Rights:
    published = (found for found in vars(PUBLISHERS[name]).values() if isinstance(found, Topic))
    return Rights(
        principal=name,
        writes=(*published, *ANNOUNCEMENTS, AUDIT),
        reads=(*HEARS[name], *REFERENCES),
        group=f"crm.{name}",
    )


def _partner(name: str, granted: Sequence[str]) -> Rights:
    if not NAME.fullmatch(name):  # a dot would put its consumer groups among those of another
        raise ValueError(f"partner {name}: a name has small letters, digits and single hyphens")
    known = {topic.name: topic for topic in EVENTS}
    if wrong := sorted(set(granted) - known.keys()):
        told = f"partner {name}: {', '.join(wrong)} is not for partners; what may be granted: {', '.join(known)}"
        raise ValueError(told)
    principal = f"{PARTNER}{name}"
    return Rights(principal=principal, reads=tuple(known[topic] for topic in granted), group=principal)
