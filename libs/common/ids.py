from uuid import UUID

from uuid_utils.compat import uuid7

_TIME_ORDERED = 7


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): later ids of one process sort after earlier ones."""
    return uuid7()


def is_v7(value: UUID) -> bool:
    return value.version == _TIME_ORDERED
