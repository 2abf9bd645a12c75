"""The complaint's state machine, in one place: move → from which statuses, to which."""

from enum import StrEnum


class Status(StrEnum):
    RECEIVED = "received"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    REPLIED = "replied"
    CLOSED = "closed"


class Move(StrEnum):
    ACCEPT = "accept"
    ASSIGN = "assign"
    REPLY = "reply"
    CLOSE = "close"


MOVES: dict[Move, tuple[frozenset[Status], Status]] = {
    Move.ACCEPT: (frozenset({Status.RECEIVED}), Status.ACCEPTED),
    Move.ASSIGN: (frozenset({Status.ACCEPTED, Status.ASSIGNED}), Status.ASSIGNED),
    Move.REPLY: (frozenset({Status.ASSIGNED}), Status.REPLIED),
    Move.CLOSE: (frozenset({Status.REPLIED}), Status.CLOSED),
}
