"""Which processes were made of each app, for whoever looks at them from outside: `processes.json` in the home."""

import json
from collections.abc import Mapping, Sequence

from guanxi.local.settings import APPS, LocalSettings

FILE = "processes.json"


def tell_processes(settings: LocalSettings, names: Mapping[str, Sequence[str]]) -> None:
    """By app, in the order of their management ports: those that serve, then those that work."""
    (settings.home / FILE).write_text(json.dumps(names))


def processes_of(settings: LocalSettings) -> dict[str, list[str]]:
    """One of each app, by its name, where nothing was ever started."""
    file = settings.home / FILE
    told: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {app: [app] for app in APPS}
    return told
