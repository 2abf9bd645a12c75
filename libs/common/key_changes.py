"""How a key ring's file changes: a key is added, then used, then retired, with the apps started again in between.

Added first, so that every process can open what the first of them will write; used next; retired when no value is
under it any more (`libs/common/reencryption.py`). The file is replaced whole or not at all.
"""

import base64
import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import orjson

from libs.common.keyring import KEY_BYTES, KeyRing, KeyRingError, sync_folder


def add_key(path: Path) -> int:
    """A new key that nothing uses yet; returns its version."""
    ring, document = _read(path)
    version = max(ring.versions) + 1
    document["keys"][str(version)] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    _replace(path, document)
    return version


def use_key(path: Path, version: int) -> None:
    """Encrypt and sign with that version from the next start on.

    Raises:
        KeyRingError: the ring does not hold it.
    """
    ring, document = _read(path)
    if version not in ring.versions:
        raise KeyRingError(f"the key ring {path} holds no key version {version}")
    _replace(path, {**document, "current": version})


def index_by(path: Path, version: int) -> None:
    """Make blind indexes with that version from the next start on. What is under another is found meanwhile too.

    Raises:
        KeyRingError: the ring does not hold it.
    """
    ring, document = _read(path)
    if version not in ring.versions:
        raise KeyRingError(f"the key ring {path} holds no key version {version}")
    _replace(path, {**document, "index": version})


def retire_key(path: Path, version: int) -> None:
    """Forget a version: what is still under it can be opened by nobody.

    Raises:
        KeyRingError: it is in use, as the current one or for blind indexes.
    """
    ring, document = _read(path)
    if version in (ring.current, ring.index):
        raise KeyRingError(f"key version {version} of {path} is in use")
    if document["keys"].pop(str(version), None) is None:
        raise KeyRingError(f"the key ring {path} holds no key version {version}")
    _replace(path, document)


def _read(path: Path) -> tuple[KeyRing, dict[str, Any]]:
    ring = KeyRing.load(path)  # it says what is wrong with the file, and never what is in it
    return ring, orjson.loads(path.read_bytes())


def _replace(path: Path, document: dict[str, Any]) -> None:
    """Its owner keeps it; nothing is left behind where it fails."""
    owner = path.stat()
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # created with mode 0600
        fresh = Path(file.name)
        try:
            file.write(orjson.dumps(document))
            file.flush()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(file.fileno())
            KeyRing.load(fresh)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)
