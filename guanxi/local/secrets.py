"""Passwords and keys of the local stack: generated at the first start, readable by their owner alone."""

import json
import os
import secrets
from pathlib import Path

from guanxi.local.failures import LocalFailure
from libs.common.keyring import KeyRing

NEVER_STARTED = "Nothing was ever started here: start `guanxi up` first, or name another GUANXI_HOME or --database."


def write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


class Secrets:
    """`passwords.json` and one key ring per app, and a shared one, below a folder."""

    def __init__(self, folder: Path, apps: tuple[str, ...]) -> None:
        self._folder, self._apps = folder, apps

    def ensure(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._passwords.exists():
            made = {f"{app}_{role}": secrets.token_urlsafe(24) for app in self._apps for role in ("owner", "app")}
            write_private(self._passwords, json.dumps(made))
        for name in (*self._apps, "shared"):
            if not self.keyring(name).exists():
                KeyRing.generate(self.keyring(name))

    def password(self, app: str, role: str) -> str:
        """`role` is owner or app.

        Raises:
            LocalFailure: there are none yet.
        """
        if not self._passwords.exists():
            raise LocalFailure(NEVER_STARTED, os.EX_UNAVAILABLE)
        stored: dict[str, str] = json.loads(self._passwords.read_text())
        return stored[f"{app}_{role}"]

    def keyring(self, name: str) -> Path:
        return self._folder / f"{name}.keyring.json"

    @property
    def _passwords(self) -> Path:
        return self._folder / "passwords.json"
