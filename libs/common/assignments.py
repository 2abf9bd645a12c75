"""Which partitions a member of a group has, and since when."""

from aiokafka.abc import ConsumerRebalanceListener


class Assignments(ConsumerRebalanceListener):  # type: ignore[misc] # it brings no types
    """Counts them: each one begins where the group ended, whatever was sought before.

    Between two there is none: the client has the next one a moment before it says so.
    """

    def __init__(self) -> None:
        self._count, self._between = 0, True

    @property
    def current(self) -> int | None:
        return None if self._between else self._count

    def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002 - all of them are
        """What is handled of them is stored all the same: whoever has them next begins behind it, or repeats it."""
        self._between = True

    def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002 - they are asked for when they are read
        self._between = False
        self._count += 1
