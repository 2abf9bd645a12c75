"""Identifiers at rest: encrypted, with a blind index to find them by and a mask to show. Never in clear."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from libs.common.encryption import BlindIndex, FieldCipher, normalised
from libs.common.keyring import KeyRing

LAST = 4
"""So many characters a customer reads out at the counter, and can be found by."""


@dataclass(frozen=True)
class Sealed:
    """An identifier as it is stored. Two are equal where their index is: each encryption differs.

    `last_index` is the blind index of its last four characters, where it is searched by them.
    """

    value: bytes
    index: bytes
    masked: str
    last_index: bytes | None = None


class Sealer:
    def __init__(self, ring: KeyRing) -> None:
        self._cipher, self._index = FieldCipher(ring), BlindIndex(ring)

    def seal(
        self, text: str, *, kind: str, mask: Callable[[str], str], place: str, row: UUID, by_last: bool = False
    ) -> Sealed:
        """Seal a normalised identifier for `place` (`table.column`) of a row."""
        table, _, column = place.partition(".")
        value = self._cipher.encrypt(text, table=table, column=column, row=row)
        last = last_index(self._index, place, text) if by_last else None
        return Sealed(value, self._index.index(kind, text), mask(text), last)

    def open(self, value: bytes, *, place: str, row: UUID) -> str:
        """The identifier itself: for a reveal, and for nothing else."""
        table, _, column = place.partition(".")
        return self._cipher.decrypt(value, table=table, column=column, row=row)

    def indexes(self, kind: str, text: str) -> list[bytes]:
        """For an exact search: what is found has one of these."""
        return self._index.every(kind, text)

    def last_indexes(self, place: str, last: str) -> list[bytes]:
        """For a search by the last four characters."""
        return self._index.every(_last_of(place), last)


def last_index(index: BlindIndex, place: str, text: str) -> bytes | None:
    """None for an identifier so short that these are all of it."""
    normal = normalised(text)
    return index.index(_last_of(place), normal[-LAST:]) if len(normal) > LAST else None


def _last_of(place: str) -> str:
    return f"last of {place}"
