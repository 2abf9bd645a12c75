"""How far each section is known to be complete, read once a second and not with every view."""

import time
from collections.abc import Mapping
from datetime import datetime

from gateway.view.tables import SCHEMA
from libs.common.copies import NEVER
from libs.common.database import Database
from libs.contracts.catalogue import SECTIONS

PAUSE_SECONDS = 1.0
OLDEST = f"SELECT topic, min(as_of) AS as_of FROM {SCHEMA}.watermarks GROUP BY topic"  # noqa: S608 - our own schema


class Watermarks:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._read_at = -PAUSE_SECONDS
        self._as_of: dict[str, datetime | None] = {}

    async def as_of(self) -> Mapping[str, datetime | None]:
        """Section name → the time up to which it is complete; None where that was never heard."""
        now = time.monotonic()
        if now - self._read_at >= PAUSE_SECONDS:
            oldest = {row["topic"]: row["as_of"] for row in await self._database.fetch(OLDEST)}
            heard = {name: oldest.get(topic.name, NEVER) for name, (topic, _) in SECTIONS.items()}
            self._as_of = {name: None if as_of == NEVER else as_of for name, as_of in heard.items()}
            self._read_at = now
        return self._as_of
