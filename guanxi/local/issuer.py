"""The local issuer: signs tokens on a developer's machine. Production mode refuses it."""

import json
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from guanxi.local.failures import wrong_setting
from guanxi.local.secrets import write_private

ISSUER = "http://issuer.guanxi.localhost"
AUDIENCE = "guanxi"
ADMIN = "admin"
STEPPED_UP = "2"
LIFETIME_SECONDS = 8 * 3600


class LocalIssuer:
    def __init__(self, folder: Path) -> None:
        self._private, self.jwks = folder / "issuer.private.json", folder / "issuer.jwks.json"

    def ensure(self) -> None:
        """Generate the key pair at the first start."""
        if self._private.exists():
            return
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        self.jwks.parent.mkdir(parents=True, exist_ok=True)
        self.jwks.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
        write_private(self._private, json.dumps(key.as_dict(private=True)))

    def token(
        self,
        subject: str,
        roles: list[str],
        *,
        lifetime: int = LIFETIME_SECONDS,
        stepped_up: bool = False,
        **claimed: object,
    ) -> str:
        """A signed access token. What it may do is decided by the directory as well.

        `stepped_up` claims a sign-in of this moment, by the stronger means; `claimed` are more claims.
        """
        key, now = self._key, int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": roles, "iat": now, "exp": now + lifetime}
        if stepped_up:
            claims |= {"acr": STEPPED_UP, "auth_time": now}
        return jwt.encode({"alg": "RS256", "kid": key.kid}, {**claims, **claimed}, key)

    @cached_property
    def _key(self) -> RSAKey:
        """Read once: to check a private key takes sixty milliseconds."""
        if not self._private.exists():
            raise wrong_setting(f"{self._private} does not exist: start `guanxi up` first, or set GUANXI_HOME.")
        return RSAKey.import_key(json.loads(self._private.read_text()))

    def setting(self) -> list[dict[str, Any]]:
        """As GUANXI_ISSUERS wants it."""
        return [{"issuer": ISSUER, "jwks_file": str(self.jwks), "algorithms": ["RS256"], "local": True}]
