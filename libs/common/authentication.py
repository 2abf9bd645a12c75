"""Tokens verified: signature, algorithm, issuer, audience, times. Being inside the network proves nothing."""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from libs.common.settings import Issuer, Mode, Settings

CACHE_SECONDS = 30
CACHE_SIZE = 10_000
LARGEST_TOKEN = 8_192
LEEWAY_SECONDS = 10


class NotAuthenticated(Exception):
    """No token, or one that proves nothing. Says no more than that."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who the token says is calling."""

    issuer: str
    subject: str
    roles: frozenset[str]
    expires_at: float
    acr: str | None = None
    auth_time: float | None = None

    @property
    def login(self) -> str:
        """`issuer subject`: neither holds a space."""
        return f"{self.issuer} {self.subject}"

    @cached_property
    def alias(self) -> str:
        """Names a login that nobody is known by, without telling it."""
        return f"login {sha256(self.login.encode()).hexdigest()[:16]}"


class TokenVerifier:
    """Verifies bearer tokens; a verified one is remembered for seconds, never past its own end."""

    def __init__(self, settings: Settings) -> None:
        self._issuers = {issuer.issuer: (issuer, _keys(issuer)) for issuer in settings.issuers}
        self._audience = settings.audience
        self._max_age = settings.token_max_age if settings.mode is Mode.PRODUCTION else None
        self._verified: dict[str, tuple[float, Principal]] = {}

    def verify(self, authorization: str | None) -> Principal:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > LARGEST_TOKEN:
            raise NotAuthenticated
        now = time.time()
        until, principal = self._verified.get(token, (0.0, None))
        if principal is not None and now < until:
            return principal
        principal = self._verify(token)
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[token] = (min(now + CACHE_SECONDS, principal.expires_at), principal)
        return principal

    def _verify(self, token: str) -> Principal:
        for issuer, keys in self._issuers.values():
            try:
                claims = jwt.decode(token, keys, algorithms=issuer.algorithms).claims
                self._registry(issuer).validate(claims)
            except (JoseError, ValueError, KeyError, TypeError):
                continue
            return self._principal(issuer, claims)
        raise NotAuthenticated

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
        if not isinstance(claims["sub"], str) or not isinstance(roles, list) or " " in claims["sub"]:
            raise NotAuthenticated
        return Principal(
            issuer=issuer.issuer,
            subject=claims["sub"],
            roles=frozenset(role for role in roles if isinstance(role, str) and role in named),
            expires_at=float(claims["exp"]),
            acr=acr if isinstance(acr := claims.get("acr"), str) else None,
            auth_time=float(signed_in) if isinstance(signed_in := claims.get("auth_time"), int) else None,
        )


def _keys(issuer: Issuer) -> KeySet:
    return KeySet.import_key_set(json.loads(issuer.jwks_file.read_text()))
