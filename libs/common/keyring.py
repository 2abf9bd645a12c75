import base64
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol, Self

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_MAC_BYTES = 16
_HIGHEST_VERSION = 255  # a signed token carries its version in one byte


class KeyRingError(Exception):
    """A key ring that cannot be used: the path and the cause, never key material."""


class BadSignature(Exception):
    """A token that this ring did not sign for this purpose."""


class Keeper(Protocol):
    """How a key stands in a ring's file. Both raise KeyRingError, which never holds key material."""

    def wrap(self, key: bytes) -> str: ...

    def unwrap(self, text: str) -> bytes: ...


class _Plain:
    """As it is, in base64: the file's mode protects it."""

    def wrap(self, key: bytes) -> str:
        return base64.b64encode(key).decode()

    def unwrap(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            return b""


PLAIN: Keeper = _Plain()


@dataclass(frozen=True, eq=False, kw_only=True)
class KeyRing:
    """Master keys by version, from which a key per purpose is derived.

    Its file is `{"current": 2, "index": 1, "keys": {"1": "<base64, 32 bytes>", "2": "..."}}`; with another keeper
    (`libs/common/kms.py`) the keys stand in it wrapped. New values use `current`, blind indexes `index`.
    """

    current: int
    index: int
    keys: Mapping[int, bytes] = field(repr=False)
    _derived: dict[tuple[str, int], bytes] = field(default_factory=dict, init=False, repr=False)
    _keyed: dict[tuple[str, int], HMAC] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def generate(cls, path: Path, keeper: Keeper = PLAIN) -> Self:
        """Write a ring of one new key to `path`, mode 0600, and load it. Never replaces a file."""
        key = keeper.wrap(secrets.token_bytes(KEY_BYTES))
        try:
            _write_new(path, orjson.dumps({"current": 1, "index": 1, "keys": {"1": key}}))
        except OSError as error:
            raise KeyRingError(f"the key ring {path} cannot be created: {error.strerror}") from None
        return cls.load(path, keeper)

    @classmethod
    def load(cls, path: Path, keeper: Keeper = PLAIN) -> Self:
        """Read the ring at `path`; refused when the file is open to group or others, or malformed."""
        try:
            current, index, keys = _parse(_read_private(path), keeper)
        except OSError as error:
            raise KeyRingError(f"the key ring {path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise KeyRingError(f"the key ring {path} {error}") from None
        return cls(current=current, index=index, keys=keys)

    @property
    def versions(self) -> tuple[int, ...]:
        return tuple(sorted(self.keys))

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        """The 32-byte key of a purpose (HKDF-SHA256), from the current version unless another is named."""
        wanted = self.current if version is None else version
        if wanted not in self.keys:
            raise KeyRingError(f"the key ring holds no key version {wanted}")
        if (purpose, wanted) not in self._derived:
            hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
            self._derived[purpose, wanted] = hkdf.derive(self.keys[wanted])
        return self._derived[purpose, wanted]

    def sign(self, purpose: str, payload: bytes, *, bound_to: bytes = b"") -> str:
        """A URL-safe token: base64url(version byte, payload, HMAC-SHA256 cut to 16 bytes).

        The payload is readable by whoever holds the token. `bound_to` is signed too but not carried: the
        verifier must know it.
        """
        head = bytes([self.current])
        return _encode(head + payload + self._mac(purpose, self.current, payload, bound_to))

    def verify(self, purpose: str, token: str, *, bound_to: bytes = b"") -> bytes:
        """The payload of a token, checked with the key version that it names; `BadSignature` otherwise."""
        raw = _decode(token)
        version, payload, mac = raw[0], raw[1:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if version not in self.keys:
            raise BadSignature("the token names a key version that is not in use")
        if not hmac.compare_digest(mac, self._mac(purpose, version, payload, bound_to)):
            raise BadSignature("the token was not signed here, for this")
        return payload

    def _mac(self, purpose: str, version: int, payload: bytes, bound_to: bytes) -> bytes:
        # The length keeps the seam between the two parts from moving.
        message = bytes([version]) + len(bound_to).to_bytes(8, "big") + bound_to + payload
        keyed = self._keyed.get((purpose, version))
        if keyed is None:  # to begin with a key costs several times what a short message does
            keyed = self._keyed[purpose, version] = HMAC(self.derive(purpose, version), SHA256())
        mac = keyed.copy()
        mac.update(message)
        return mac.finalize()[:_MAC_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise BadSignature("the token is malformed") from None
    # Encoding it again refuses what the decoder skips: foreign characters and stray bits at the end.
    if len(raw) <= _MAC_BYTES or _encode(raw) != token:
        raise BadSignature("the token is malformed")
    return raw


def _write_new(path: Path, content: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent) as file:  # created with mode 0600
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        path.hardlink_to(file.name)  # whole or not at all, and fails where the path is taken
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let what was renamed in it outlast a loss of power."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read_private(path: Path) -> bytes:
    with path.open("rb") as file:
        told = os.fstat(file.fileno())
        mode = stat.S_IMODE(told.st_mode)
        # A container's secrets are somebody else's files, and readable by the group that the process alone is in.
        ours = told.st_uid == os.geteuid()
        if mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP) or (mode & stat.S_IRGRP and ours):
            raise ValueError(f"is open to group or others (mode {mode:04o}; it must be 0600)")
        return file.read()


def _parse(content: bytes, keeper: Keeper) -> tuple[int, int, dict[int, bytes]]:
    try:
        document: dict[str, Any] = orjson.loads(content)
    except orjson.JSONDecodeError:  # its attributes hold the file's text
        raise ValueError("is not JSON") from None
    match document:
        case {"current": int(current), "index": int(index), "keys": dict(named)}:
            keys = {_version(name): _key(name, text, keeper) for name, text in named.items()}
        case _:
            raise ValueError('must hold "current", "index" and "keys"')
    for role, version in (("current", current), ("index", index)):
        if version not in keys:
            raise ValueError(f"has no key for the version that {role} names")
    return current, index, keys


def _version(name: str) -> int:
    if not (name.isascii() and name.isdigit() and len(name) <= len(str(_HIGHEST_VERSION))):
        raise ValueError(f"has a key whose version is not a number from 1 to {_HIGHEST_VERSION}")
    version = int(name)
    if str(version) != name or not 1 <= version <= _HIGHEST_VERSION:
        raise ValueError(f"has a key whose version is not a number from 1 to {_HIGHEST_VERSION}")
    return version


def _key(name: str, text: object, keeper: Keeper) -> bytes:
    key = keeper.unwrap(text) if isinstance(text, str) else b""
    if len(key) != KEY_BYTES:
        told = "; where its keys are wrapped, GUANXI_KMS_URL is missing" if keeper is PLAIN else ""
        raise ValueError(f"has a key (version {name}) that is not {KEY_BYTES} bytes in base64{told}")
    return key
