"""The keys that an issuer signs with: from a file, or from the issuer itself by OpenID Connect Discovery 1.0."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from libs.common.settings import Issuer, Settings
from libs.common.tls import client_context

log = structlog.get_logger()

DISCOVERY = "/.well-known/openid-configuration"
FETCH_SECONDS = 3.0
LARGEST_DOCUMENT = 256 * 1024
FIRST_SECONDS = 1.0
"""How soon an issuer is asked again while none of its keys is known."""


class IssuerAway(Exception):
    """The issuer has not told its keys yet: nobody it signed in can be let in, or refused."""


class UnfitAnswer(Exception):
    """The issuer answers something else than the standard says."""


WRONG = (
    httpx.HTTPError, httpx.InvalidURL, OSError, UnfitAnswer, JoseError, AttributeError, KeyError, TypeError, ValueError,
)  # fmt: skip
"""What an issuer may answer, or not, without any fault of the caller's."""


class IssuerKeys:
    """One issuer's public keys by their ids."""

    def __init__(self, issuer: Issuer, settings: Settings) -> None:
        self._issuer, self._settings = issuer, settings
        self._keys: dict[str | None, Key] = {}
        self._asked_at = self._told_at = float("-inf")
        self._asking = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        if issuer.jwks_file is not None:
            self._take(json.loads(issuer.jwks_file.read_text()))

    async def named(self, kid: str | None) -> Key | None:
        """The key of that id; an unknown one is asked for once, and then not again for some seconds.

        Raises:
            IssuerAway: no keys are known at all.
        """
        if self._issuer.jwks_file is None:
            await self._look_up(kid)
        if not self._keys or self._is_older_than(self._settings.issuer_oldest):
            raise IssuerAway
        return self._keys.get(kid) or self._only_one(kid)

    def _only_one(self, kid: str | None) -> Key | None:
        """Where an issuer has one key, its tokens need not name it."""
        return next(iter(self._keys.values())) if kid is None and len(self._keys) == 1 else None

    async def _look_up(self, kid: str | None) -> None:
        """Whoever comes with a known key does not wait, be the issuer ever so slow."""
        too_old = self._is_older_than(self._settings.issuer_oldest)
        if too_old or (kid not in self._keys and self._only_one(kid) is None):
            await self._ask(kid, renew=too_old)
        elif self._is_older_than(self._settings.issuer_fresh) and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._ask(None, renew=True))

    def _is_older_than(self, seconds: float) -> bool:
        return self._issuer.jwks_file is None and time.monotonic() - self._told_at > seconds

    async def _ask(self, kid: str | None, *, renew: bool = False) -> None:
        """One at a time; whoever waited behind another finds what that one was told, or that it was told nothing."""
        async with self._asking:
            pause = self._settings.issuer_ask_again if self._keys else FIRST_SECONDS
            if (kid in self._keys and not renew) or time.monotonic() - self._asked_at < pause:
                return
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    self._take(await self._told())
            except WRONG as error:
                log.warning("the issuer's keys are not to be had", error=type(error).__name__)
            finally:
                self._asked_at = time.monotonic()

    async def _told(self) -> Any:
        async with httpx.AsyncClient(verify=client_context(self._settings), timeout=FETCH_SECONDS) as client:
            about = await _document(client, self._issuer.issuer.rstrip("/") + DISCOVERY)
            if about.get("issuer") != self._issuer.issuer:
                raise UnfitAnswer("it calls itself something else")
            place = str(about["jwks_uri"])
            if urlsplit(place).scheme != urlsplit(self._issuer.issuer).scheme:
                raise UnfitAnswer("its keys are said to lie behind a weaker scheme")
            return await _document(client, place)

    def _take(self, document: Any) -> None:
        keys = list(_signing(document["keys"]))
        if not keys:
            raise UnfitAnswer("it tells no key that can be used")
        self._keys = {key.kid: key for key in keys}
        self._told_at = time.monotonic()


def _signing(told: Iterable[Any]) -> Iterator[Key]:
    """Those that verify signatures. A key of a kind that is not known here spoils no other."""
    for each in told:
        if not isinstance(each, dict) or each.get("kty") == "oct" or each.get("use") not in (None, "sig"):
            continue
        try:
            (key,) = KeySet.import_key_set({"keys": [each]})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("a key of the issuer is passed over", error=type(error).__name__)
        else:
            yield key


async def _document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """What stands there, up to a bound, and from there alone: no redirect is followed."""
    read = b""
    async with client.stream("GET", address, headers={"Accept": "application/json"}) as answer:
        if answer.status_code != httpx.codes.OK:
            raise UnfitAnswer(f"status {answer.status_code}")
        async for piece in answer.aiter_bytes():
            read += piece
            if len(read) > LARGEST_DOCUMENT:
                raise UnfitAnswer("its document has no end")
    found = json.loads(read)
    if not isinstance(found, dict):
        raise UnfitAnswer("its document is no object")
    return found
