"""Tokens verified: signature, algorithm, issuer, audience, times. Being inside the network proves nothing."""

import binascii
import hmac
import json
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from libs.common.issuers import IssuerKeys
from libs.common.keyring import KeyRing
from libs.common.settings import Issuer, Mode, Settings

CACHE_SECONDS = 30
CACHE_SIZE = 10_000
LARGEST_TOKEN = 8_192
LONGEST_ID = 200
LEEWAY_SECONDS = 10
PURPOSE = "logins"
NEVER_IN_A_HEADER = {"crit", "b64", "jwk", "jku", "x5c", "x5u"}
"""Extensions that nobody asked for, and keys that a token brings along (RFC 8725 3.10)."""


class NotAuthenticated(Exception):
    """No token, or one that proves nothing. Says no more than that."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who the token says is calling."""

    issuer: str
    subject: str
    alias: str
    """Names a login that nobody is known by, without telling it: a subject may be somebody's phone number."""
    roles: frozenset[str]
    expires_at: float
    acr: str | None = None
    auth_time: float | None = None

    @property
    def login(self) -> str:
        """`issuer subject`: neither holds a space."""
        return f"{self.issuer} {self.subject}"


class TokenVerifier:
    """Verifies bearer tokens; a verified one is remembered for seconds, never past its own end."""

    def __init__(self, settings: Settings, ring: KeyRing) -> None:
        """`ring` is that of all apps: a login has the same alias in each."""
        self._alias_key = ring.derive(PURPOSE)
        self._issuers = {issuer.issuer: (issuer, IssuerKeys(issuer, settings)) for issuer in settings.issuers}
        self._audience = settings.audience
        self._max_age = settings.token_max_age if settings.mode is Mode.PRODUCTION else None
        self._verified: dict[str, tuple[float, Principal]] = {}

    async def verify(self, authorization: str | None) -> Principal:
        """Who calls, by the header's value.

        Raises:
            NotAuthenticated: whatever is wrong with the token.
            IssuerAway: it may be right, but its issuer's keys are not to be had.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > LARGEST_TOKEN:
            raise NotAuthenticated
        now = time.time()
        until, principal = self._verified.get(token, (0.0, None))
        if principal is not None and now < until:
            return principal
        try:
            principal = await self._verify(token)
        except (JoseError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise NotAuthenticated from None
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[token] = (min(now + CACHE_SECONDS, principal.expires_at), principal)
        return principal

    async def _verify(self, token: str) -> Principal:
        header, claims = (_object(part) for part in token.split(".")[:2])
        issuer, keys = self._issuers[claims["iss"]]
        kid = header.get("kid")
        if header["alg"] not in issuer.algorithms or NEVER_IN_A_HEADER & header.keys() or not _fits(kid):
            raise NotAuthenticated
        key = await keys.named(kid)
        if key is None:
            raise NotAuthenticated
        jws.deserialize_compact(token, key, algorithms=issuer.algorithms)  # the signature is over what was read above
        self._registry(issuer).validate(claims)
        return self._principal(issuer, claims)

    def _registry(self, issuer: Issuer) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer.issuer},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    def _principal(self, issuer: Issuer, claims: dict[str, Any]) -> Principal:
        if self._max_age is not None and claims["exp"] - claims["iat"] > self._max_age:
            raise NotAuthenticated
        roles = claims.get("roles", [])
        named = roles if issuer.roles is None else issuer.roles
        if not isinstance(claims["sub"], str) or not _fits(claims["sub"]) or not isinstance(roles, list):
            raise NotAuthenticated
        login = f"{issuer.issuer} {claims['sub']}"
        return Principal(
            issuer=issuer.issuer,
            subject=claims["sub"],
            alias=f"login {hmac.digest(self._alias_key, login.encode(), 'sha256').hex()[:16]}",
            roles=frozenset(role for role in roles if isinstance(role, str) and role in named),
            expires_at=float(claims["exp"]),
            acr=acr if isinstance(acr := claims.get("acr"), str) else None,
            auth_time=float(signed_in) if isinstance(signed_in := claims.get("auth_time"), int) else None,
        )


def _fits(name: Any) -> bool:
    return name is None or (isinstance(name, str) and 0 < len(name) <= LONGEST_ID and " " not in name)


def _object(part: str) -> dict[str, Any]:
    """One part of a token. What says a thing twice could be read in two ways (RFC 7519 4, RFC 8725 3.2)."""
    try:
        text = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise NotAuthenticated from None
    found = json.loads(text, object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise NotAuthenticated
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotAuthenticated
    return found
