import hmac
import os
import re
import struct
import unicodedata
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.keyring import KeyRing

_AES_256_GCM = 1  # the format byte; another number is free for another algorithm, such as SM4-GCM
_HEAD = struct.Struct(">BH")
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SPACES_AND_HYPHENS = re.compile(r"[\s\-\u2010-\u2015\u2212]+")


class DecryptionFailed(Exception):
    """A stored value that cannot be opened: its column and the cause, never its content."""


class FieldCipher:
    """Encrypts single fields so that each opens only in its own table, column and row.

    A value is: format (1 byte), key version (2, big endian), nonce (12), AES-256-GCM ciphertext and tag.
    Rotate the key before 2**32 encryptions under one version: the nonces are random (NIST SP 800-38D, 8.3).
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def encrypt(self, text: str, *, table: str, column: str, row: UUID) -> bytes:
        version, nonce = self._ring.current, os.urandom(_NONCE_BYTES)
        sealed = self._aes(version).encrypt(nonce, text.encode(), _place(table, column, row))
        return _HEAD.pack(_AES_256_GCM, version) + nonce + sealed

    def decrypt(self, value: bytes, *, table: str, column: str, row: UUID) -> str:
        try:
            return self._open(value, _place(table, column, row))
        except ValueError as cause:
            raise DecryptionFailed(f"a value of {table}.{column} cannot be decrypted: {cause}") from None

    def _open(self, value: bytes, place: bytes) -> str:
        if len(value) < _HEAD.size + _NONCE_BYTES + _TAG_BYTES:
            raise ValueError("it is too short")
        form, version = _HEAD.unpack_from(value)
        if form != _AES_256_GCM:
            raise ValueError(f"format {form} is unknown")
        if version not in self._ring.versions:
            raise ValueError(f"the key ring holds no key version {version}")
        nonce, sealed = value[_HEAD.size :][:_NONCE_BYTES], value[_HEAD.size + _NONCE_BYTES :]
        try:
            return self._aes(version).decrypt(nonce, sealed, place).decode()
        except InvalidTag:
            raise ValueError("it was altered, or moved from another place") from None

    def _aes(self, version: int) -> AESGCM:
        return AESGCM(self._ring.derive("fields", version))


class BlindIndex:
    """Finds an encrypted identifier by equality. Its key follows the ring's `index`, not `current`.

    An index is the key's version (1 byte) and an HMAC-SHA256 (32): while the key changes, each says which it is under.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def index(self, kind: str, text: str) -> bytes:
        """33 bytes, equal for equal identifiers of one kind, whatever their case, width, spaces and hyphens.

        A text without any other character raises ValueError: two such customers would look like one.
        """
        return self._under(self._ring.index, kind, text)

    def every(self, kind: str, text: str) -> list[bytes]:
        """Under each key of the ring: what is stored may not be under the one in use yet."""
        return [self._under(version, kind, text) for version in self._ring.versions]

    def _under(self, version: int, kind: str, text: str) -> bytes:
        normal = normalised(text)
        if not normal:
            raise ValueError(f"an empty {kind} cannot be indexed")
        key = self._ring.derive("blind-index", version)
        return bytes([version]) + hmac.digest(key, f"{kind}\0{normal}".encode(), "sha256")


def normalised(text: str) -> str:
    """An identifier however it was written."""
    return _SPACES_AND_HYPHENS.sub("", unicodedata.normalize("NFKC", text)).upper()


def _place(table: str, column: str, row: UUID) -> bytes:
    return f"{table}:{column}:{row}".encode()
