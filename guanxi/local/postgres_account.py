"""Which user runs PostgreSQL, which refuses to run as root, and where that user's files are."""

import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from guanxi.local.child import run_to_end
from guanxi.local.failures import wrong_setting

SHARED_HOME = Path("/var/lib/guanxi")
_PLAIN_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


@dataclass(frozen=True)
class Account:
    """A user for the server: the command that becomes it, the folder and the programs that it can reach."""

    home: Path
    bindir: Path
    prefix: tuple[str, ...] = ()
    owner: int | None = field(default=None)

    def give(self, path: Path) -> None:
        """Make `path` the property of the server's user."""
        if self.owner is not None:
            os.chown(path, self.owner, -1)


async def choose_account(folder: Path, bindir: Path) -> Account:
    """An ordinary user runs the server as itself; root as a plain user of its own, else as nobody."""
    if os.geteuid() != 0:
        return Account(folder, bindir)
    if await _may_unshare():
        return Account(folder, bindir, _PLAIN_USER)
    return nobody(folder, bindir)


async def _may_unshare() -> bool:
    if shutil.which(_PLAIN_USER[0]) is None:
        return False
    status, _ = await run_to_end([*_PLAIN_USER, "true"], env={"PATH": os.environ.get("PATH", os.defpath)})
    return status == 0


def nobody(folder: Path, bindir: Path, shared: Path = SHARED_HOME) -> Account:
    """The user nobody, with data and a copy of the programs in `shared`, which everybody may enter."""
    try:
        user = pwd.getpwnam("nobody")
    except KeyError as missing:
        raise wrong_setting("PostgreSQL cannot run as root and there is no user nobody: use another user.") from missing
    home = shared / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    home.mkdir(parents=True, exist_ok=True)
    shared.chmod(0o755)
    home.chmod(0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    prefix = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")
    return Account(home, _copied(bindir, shared), prefix, user.pw_uid)


def _copied(bindir: Path, shared: Path) -> Path:
    """The same programs in `shared`, with the libraries that the wheel keeps beside its package."""
    package = bindir.parents[1]
    stamp = hashlib.sha256(f"{bindir}{(bindir / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = shared / f"postgres-{stamp}"
    if not target.exists():
        unfinished = target.with_suffix(f".{os.getpid()}")
        shutil.copytree(bindir.parent, unfinished / package.name / bindir.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    return target / bindir.relative_to(package.parent)
