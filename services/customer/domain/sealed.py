"""An identifier as the domain sees it: something to compare and to show masked, never to read."""

from typing import Protocol


class SealedIdentifier(Protocol):
    @property
    def value(self) -> bytes: ...

    @property
    def index(self) -> bytes: ...

    @property
    def masked(self) -> str: ...
