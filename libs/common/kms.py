"""Keys wrapped by a key management service: a ring's file then holds nothing that opens anything by itself.

The service is spoken to as the transit engines of HashiCorp Vault and OpenBao are (`/v1/transit/encrypt`, `…/decrypt`),
once when an app starts. Another service's interface is another `Keeper`, of two methods.
"""

import base64
from pathlib import Path
from typing import Any

import httpx

from libs.common.keyring import PLAIN, Keeper, KeyRing, KeyRingError
from libs.common.settings import KmsSettings, Settings
from libs.common.tls import context_of

PATIENCE_SECONDS = 10.0
WRAPPED = "vault:"
"""How everything begins that such an engine has wrapped."""


class Transit:
    """A key of a transit engine, by its name. `token` is a file, read anew each time: such tokens are renewed."""

    def __init__(self, settings: KmsSettings, url: str, token: Path) -> None:
        self._url, self._key, self._token = url.rstrip("/"), settings.kms_key, token
        self._context = context_of(settings.tls_authorities)

    def wrap(self, key: bytes) -> str:
        return self._ask("encrypt", "plaintext", base64.b64encode(key).decode(), "ciphertext")

    def unwrap(self, text: str) -> bytes:
        """A key that is not wrapped yet is taken as it is: rings are brought under the service one by one."""
        if not text.startswith(WRAPPED):
            return PLAIN.unwrap(text)
        try:
            return base64.b64decode(self._ask("decrypt", "ciphertext", text, "plaintext"), validate=True)
        except ValueError:
            raise KeyRingError("the key management service answered something that is no key") from None

    def _ask(self, action: str, name: str, value: str, wanted: str) -> str:
        url = f"{self._url}/v1/transit/{action}/{self._key}"
        try:
            headers = {"X-Vault-Token": self._token.read_text().strip()}
            options: dict[str, Any] = {"verify": self._context, "timeout": PATIENCE_SECONDS, "trust_env": False}
            answer = httpx.post(url, json={name: value}, headers=headers, **options)
            answer.raise_for_status()
            return str(answer.json()["data"][wanted])
        except httpx.HTTPStatusError as error:
            raise KeyRingError(f"the key management service answered {error.response.status_code}") from None
        except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise KeyRingError(f"the key management service gave no answer ({type(error).__name__})") from None


def keeper_of(settings: KmsSettings) -> Keeper:
    """Who opens the rings' keys: a service where one is set, else whoever may read the file."""
    if settings.kms_url is None or settings.kms_token is None:
        return PLAIN
    return Transit(settings, settings.kms_url, settings.kms_token)


def own_ring(settings: Settings) -> KeyRing:
    return KeyRing.load(settings.keyring, keeper_of(settings))


def shared_ring(settings: Settings) -> KeyRing:
    return KeyRing.load(settings.shared_keyring, keeper_of(settings))
