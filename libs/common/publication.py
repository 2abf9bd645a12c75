"""What a service publishes as truth: its section and its references, each a stream of marked keys."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import Topic


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A compacted topic and how to fill it.

    `keys` names the keys that an event dirties. `query` is one statement: it takes `$1 uuid[]` and returns
    `(key uuid, document text)` for those keys that have a document; a key without a row becomes a tombstone.
    """

    topic: Topic
    permission: str = "view:read"
    """Who may be answered with a section of it, live."""
    keys: Callable[[DomainEvent], Iterable[UUID]]
    query: str
    rests_on: Sequence[str] | None = None
    """The topics that must be handled before it is complete; all that the service consumes unless it says otherwise."""

    @property
    def stream(self) -> str:
        return self.topic.name


def customers_of(event: DomainEvent) -> Iterable[UUID]:
    return event.customers()
