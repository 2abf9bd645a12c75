"""What every domain is made of: aggregates that record events, and the errors by which a rule refuses.

DomainError
├── NotFound          unknown, or out of the caller's scope: the two are told apart by nobody
├── InvalidValue      one named field breaks a rule
├── Conflict          the state of things forbids it
│   └── MoveNotAllowed   names the moves that are allowed
├── Forbidden         the caller lacks a permission
├── Outdated          the caller saw an older version
└── AuthorityStale    what we know of the caller's rights is too old to act on
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import ClassVar, NamedTuple, Self, TypeVar
from uuid import UUID

MoveT = TypeVar("MoveT", bound=StrEnum)
StatusT = TypeVar("StatusT", bound=StrEnum)


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """A fact that happened. Its fields are the published contract: additive changes only."""

    type: ClassVar[str]
    occurred_at: datetime

    @property
    def subject(self) -> UUID:
        """The aggregate's id."""
        raise NotImplementedError

    @property
    def key(self) -> UUID:
        """The Kafka key: the customer where one is concerned, else the aggregate."""
        return next(iter(self.customers()), self.subject)

    def customers(self) -> Iterable[UUID]:
        """Every customer whose section this event dirties: none, one or many."""
        return ()


class Recorded(NamedTuple):
    """An event, its `place` among all that this process recorded, and the version that it made of its aggregate."""

    place: int
    event: DomainEvent
    version: int


_places = count()


@dataclass(kw_only=True, eq=False)
class Aggregate:
    """A cluster of objects changed as one. Each event moves the version, so two editors cannot both win."""

    id: UUID
    version: int = 0

    def record(self, event: DomainEvent) -> None:
        self.version += 1
        # A loaded aggregate never ran __init__, so the list is made when first needed.
        self.__dict__.setdefault("_recorded", []).append(Recorded(next(_places), event, self.version))

    def take_events(self) -> list[Recorded]:
        """Those recorded since the last call."""
        taken: list[Recorded] = self.__dict__.pop("_recorded", [])
        return taken


class DomainError(Exception):
    """A rule refuses. The message is meant for the caller and holds no personal data."""


class NotFound(DomainError):
    @classmethod
    def thing(cls, kind: str) -> Self:
        return cls(f"There is no such {kind}, or you may not see it.")


class InvalidValue(DomainError):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class Conflict(DomainError):
    pass


class MoveNotAllowed(Conflict):
    def __init__(self, move: str, status: str, allowed: Iterable[str]) -> None:
        self.allowed = sorted(allowed)
        super().__init__(
            f"'{move}' is not possible in status '{status}'; possible: {', '.join(self.allowed) or 'nothing'}."
        )


def after(moves: Mapping[MoveT, tuple[frozenset[StatusT], StatusT]], move: MoveT, status: StatusT) -> StatusT:
    """The status that a move leads to, by a table of moves: from which statuses, to which.

    Raises:
        MoveNotAllowed: naming the moves that are allowed.
    """
    sources, target = moves[move]
    if status not in sources:
        raise MoveNotAllowed(move, status, [m for m, (allowed, _) in moves.items() if status in allowed])
    return target


class Forbidden(DomainError):
    pass


class Outdated(DomainError):
    pass


class AuthorityStale(DomainError):
    pass
