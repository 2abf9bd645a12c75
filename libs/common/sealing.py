"""Identifiers at rest: encrypted, with a blind index to find them by and a mask to show. Never in clear."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from libs.common.encryption import BlindIndex, FieldCipher
from libs.common.keyring import KeyRing


@dataclass(frozen=True)
class Sealed:
    """An identifier as it is stored. Two are equal where their index is: each encryption differs."""

    value: bytes
    index: bytes
    masked: str


class Sealer:
    def __init__(self, ring: KeyRing) -> None:
        self._cipher, self._index = FieldCipher(ring), BlindIndex(ring)

    def seal(self, text: str, *, kind: str, mask: Callable[[str], str], place: str, row: UUID) -> Sealed:
        """Seal a normalised identifier for `place` (`table.column`) of a row."""
        table, _, column = place.partition(".")
        value = self._cipher.encrypt(text, table=table, column=column, row=row)
        return Sealed(value, self.index(kind, text), mask(text))

    def open(self, value: bytes, *, place: str, row: UUID) -> str:
        """The identifier itself: for a reveal, and for nothing else."""
        table, _, column = place.partition(".")
        return self._cipher.decrypt(value, table=table, column=column, row=row)

    def index(self, kind: str, text: str) -> bytes:
        """For an exact search."""
        return self._index.index(kind, text)
