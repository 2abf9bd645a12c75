"""Tokens as an issuer signs them, and as it never would: header and claims are what a test says, and nothing else."""

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from guanxi.local.issuer import AUDIENCE, ISSUER

Key = RSAKey | ECKey | OctKey | OKPKey


def claims(**changed: Any) -> dict[str, Any]:
    """Claims that are right but for what is changed; None leaves one out."""
    now = int(time.time())
    told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "console", "roles": ["manager"], "iat": now, "exp": now + 300}
    return {name: value for name, value in {**told, **changed}.items() if value is not None}


def signed(key: Key, header: dict[str, Any], changed: dict[str, Any] | str) -> str:
    """Signed by this key, with RS256 unless the header says otherwise. A text stands as it is."""
    told = changed if isinstance(changed, str) else json.dumps(claims(**changed))
    head = {"alg": "RS256", "kid": key.kid, **header}
    return jws.serialize_compact(head, told, key, algorithms=[head["alg"]])


def part(content: bytes | str | dict[str, Any]) -> str:
    """One part of a token."""
    text = json.dumps(content) if isinstance(content, dict) else content
    return urlsafe_b64encode(text.encode() if isinstance(text, str) else text).rstrip(b"=").decode()
