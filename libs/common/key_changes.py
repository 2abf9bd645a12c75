"""How a key ring's file changes: a key is added, then used, then retired, with the apps started again in between.

Added first, so that every process can open what the first of them will write; used next; retired when no value is
under it any more (`libs/common/reencryption.py`). The file is replaced whole or not at all.
"""

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import orjson

from libs.common.keyring import KEY_BYTES, PLAIN, Keeper, KeyRing, KeyRingError, sync_folder


def add_key(path: Path, keeper: Keeper = PLAIN) -> int:
    """A new key that nothing uses yet; returns its version."""
    ring, document = _read(path, keeper)
    version = max(ring.versions) + 1
    document["keys"][str(version)] = keeper.wrap(secrets.token_bytes(KEY_BYTES))
    _replace(path, document, keeper)
    return version


def wrap_keys(path: Path, keeper: Keeper, before: Keeper = PLAIN) -> int:
    """Keep the same keys another way; returns how many there are."""
    ring, document = _read(path, before)
    document["keys"] = {str(version): keeper.wrap(ring.keys[version]) for version in ring.versions}
    _replace(path, document, keeper)
    return len(ring.versions)


def use_key(path: Path, version: int, keeper: Keeper = PLAIN) -> None:
    """Encrypt and sign with that version from the next start on.

    Raises:
        KeyRingError: the ring does not hold it.
    """
    ring, document = _read(path, keeper)
    if version not in ring.versions:
        raise KeyRingError(f"the key ring {path} holds no key version {version}")
    _replace(path, {**document, "current": version}, keeper)


def index_by(path: Path, version: int, keeper: Keeper = PLAIN) -> None:
    """Make blind indexes with that version from the next start on. What is under another is found meanwhile too.

    Raises:
        KeyRingError: the ring does not hold it.
    """
    ring, document = _read(path, keeper)
    if version not in ring.versions:
        raise KeyRingError(f"the key ring {path} holds no key version {version}")
    _replace(path, {**document, "index": version}, keeper)


def retire_key(path: Path, version: int, keeper: Keeper = PLAIN) -> None:
    """Forget a version: what is still under it can be opened by nobody.

    Raises:
        KeyRingError: it is in use, as the current one or for blind indexes.
    """
    ring, document = _read(path, keeper)
    if version in (ring.current, ring.index):
        raise KeyRingError(f"key version {version} of {path} is in use")
    if document["keys"].pop(str(version), None) is None:
        raise KeyRingError(f"the key ring {path} holds no key version {version}")
    _replace(path, document, keeper)


def _read(path: Path, keeper: Keeper) -> tuple[KeyRing, dict[str, Any]]:
    ring = KeyRing.load(path, keeper)  # it says what is wrong with the file, and never what is in it
    return ring, orjson.loads(path.read_bytes())


def _replace(path: Path, document: dict[str, Any], keeper: Keeper) -> None:
    """Its owner keeps it; nothing is left behind where it fails."""
    owner = path.stat()
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # created with mode 0600
        fresh = Path(file.name)
        try:
            file.write(orjson.dumps(document))
            file.flush()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(file.fileno())
            KeyRing.load(fresh, keeper)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)
