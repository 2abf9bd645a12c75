"""What the client was told: every command that it got an answer to, by the ids in the answers."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Known:
    """A customer as the client remembers them. `at` is the monotonic time at which the registration was answered."""

    source_id: str
    branch: str
    at: float = field(default_factory=time.monotonic)


@dataclass
class Ledger:
    """Ids are strings as the API writes them. A complaint's history is (status, version) as acknowledged."""

    customers: dict[str, Known] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    complaints: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    complainants: dict[str, str] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str]] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0

    @property
    def newest(self) -> list[str]:
        """Customers in the order in which their registration was acknowledged."""
        return list(self.customers)
