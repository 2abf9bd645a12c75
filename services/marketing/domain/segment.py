"""Whom a campaign is for: conditions that all must hold."""

from dataclasses import dataclass
from decimal import Decimal

from libs.common.domain import InvalidValue
from libs.contracts.marketing import ProductKind, SegmentGroup


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Who holds all of `holds` and none of `lacks`, is in one of `value_groups`, and owns `assets_from` at least.

    What is empty or null asks for nothing.
    """

    holds: tuple[ProductKind, ...] = ()
    lacks: tuple[ProductKind, ...] = ()
    value_groups: tuple[SegmentGroup, ...] = ()
    assets_from: Decimal | None = None

    def check(self) -> None:
        """Raises InvalidValue where nobody can be meant."""
        if both := sorted({*self.holds} & {*self.lacks}):
            raise InvalidValue("segment.lacks", f"Nobody both holds and lacks: {', '.join(both)}.")
