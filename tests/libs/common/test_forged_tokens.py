"""Tokens that somebody made up. RFC 8725 (JSON Web Token best current practices) names most of them."""

import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from guanxi.local.issuer import ISSUER
from libs.common.authentication import LARGEST_TOKEN, LEEWAY_SECONDS, NotAuthenticated, TokenVerifier
from libs.common.kms import shared_ring
from libs.common.settings import Issuer, Mode
from tests.conftest import Ground
from tests.polling import until
from tests.tokens import Key, claims, part, signed

OURS = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
STRANGER = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
ENCRYPTING = RSAKey.generate_key(2048, auto_kid=True)
WITHIN = LEEWAY_SECONDS - 5
SECRET = OctKey.import_key("a secret that somebody put among the public keys", {"kid": "secret"})
UNKNOWN = {"kty": "EC", "crv": "SM2", "kid": "unknown", "use": "sig", "x": "AA", "y": "AA"}
"""Of a curve that is not known here: it spoils no other key."""
PUBLIC_PEM = OURS.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def verifier(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> TokenVerifier:
    place = tmp_path_factory.mktemp("keys") / "jwks.json"
    public = [OURS.as_dict(private=False), ENCRYPTING.as_dict(private=False) | {"use": "enc"}]
    place.write_text(json.dumps({"keys": [UNKNOWN, *public, SECRET.as_dict(private=True)]}))
    settings = ground.settings("probe", issuers=[Issuer(issuer=ISSUER, jwks_file=place)])
    return TokenVerifier(settings, shared_ring(settings))


def raw(header: str, told: str) -> str:
    """Signed by the issuer's own key, be it ever so strange."""
    content = f"{part(header)}.{part(told)}"
    signature = OURS.private_key.sign(content.encode(), PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr]
    return f"{content}.{part(signature)}"


def now() -> int:
    return int(time.time())


def right() -> str:
    """Claims that are right: made when they are needed, since they expire."""
    return json.dumps(claims())


def confused() -> str:
    """The issuer's public key, which everybody has, taken for a secret. No library of today signs so."""
    content = f"{part({'alg': 'HS256', 'kid': OURS.kid})}.{part(right())}"
    return f"{content}.{part(hmac.digest(PUBLIC_PEM, content.encode(), 'sha256'))}"


HEADER = json.dumps({"alg": "RS256", "kid": OURS.kid})

FORGED: dict[str, Callable[[], str]] = {
    "signed by nobody": lambda: f"{part({'alg': 'none', 'kid': OURS.kid})}.{part(right())}.",
    "signed by nobody, spelled otherwise": lambda: f"{part({'alg': 'nOnE', 'kid': OURS.kid})}.{part(right())}.",
    "the public key as a secret": confused,
    "a secret among the public keys": lambda: signed(SECRET, {"alg": "HS256"}, {}),
    "another algorithm of the same key": lambda: signed(OURS, {"alg": "PS256"}, {}),
    "a stranger's signature": lambda: signed(STRANGER, {"kid": OURS.kid}, {}),
    "a stranger's key id": lambda: signed(STRANGER, {}, {}),
    "a key for something else": lambda: signed(ENCRYPTING, {}, {}),
    "a path as key id": lambda: signed(STRANGER, {"kid": "../../../dev/null"}, {}),
    "a statement as key id": lambda: signed(STRANGER, {"kid": "x' UNION SELECT 'key"}, {}),
    "a number as key id": lambda: raw(json.dumps({"alg": "RS256", "kid": 7}), right()),
    "a key id without end": lambda: raw(json.dumps({"alg": "RS256", "kid": "k" * 500}), right()),
    "a key brought along": lambda: raw(json.dumps({**json.loads(HEADER), "jwk": OURS.as_dict(private=False)}), right()),
    "keys from elsewhere": lambda: raw(json.dumps({**json.loads(HEADER), "jku": "https://evil.example"}), right()),
    "an extension that must be understood": lambda: raw(json.dumps({**json.loads(HEADER), "crit": ["exp"]}), right()),
    "an algorithm said twice": lambda: raw(HEADER[:-1] + ', "alg": "RS256"}', right()),
    "a subject said twice": lambda: raw(HEADER, right()[:-1] + ', "sub": "somebody-else"}'),
    "roles said twice": lambda: raw(HEADER, right()[:-1] + ', "roles": ["admin"]}'),
    "expired": lambda: signed(OURS, {}, {"exp": now() - 60}),
    "without an end": lambda: signed(OURS, {}, {"exp": None}),
    "an end that is no number": lambda: signed(OURS, {}, {"exp": "tomorrow"}),
    "an end beyond all time": lambda: raw(
        HEADER, json.dumps({**claims(), "exp": 0}).replace('"exp": 0', '"exp": 1e999')
    ),
    "not valid yet": lambda: signed(OURS, {}, {"nbf": now() + 60}),
    "signed in the future": lambda: signed(OURS, {}, {"iat": now() + 60}),
    "for somebody else": lambda: signed(OURS, {}, {"aud": "another-bank"}),
    "for nobody": lambda: signed(OURS, {}, {"aud": None}),
    "of another issuer": lambda: signed(OURS, {}, {"iss": "https://evil.example"}),
    "of an issuer with a slash": lambda: signed(OURS, {}, {"iss": f"{ISSUER}/"}),
    "of several issuers": lambda: signed(OURS, {}, {"iss": [ISSUER]}),
    "about nobody": lambda: signed(OURS, {}, {"sub": None}),
    "about a number": lambda: signed(OURS, {}, {"sub": 7}),
    "about two": lambda: signed(OURS, {}, {"sub": f"console {ISSUER}"}),
    "roles that are no list": lambda: signed(OURS, {}, {"roles": "admin"}),
    "claims that are no object": lambda: raw(HEADER, "[]"),
    "claims that are no JSON": lambda: raw(HEADER, "{"),
    "claims without a bottom": lambda: raw(HEADER, "[" * 3000),
    "two parts": lambda: ".".join(signed(OURS, {}, {}).split(".")[:2]),
    "four parts": lambda: signed(OURS, {}, {}) + ".x",
    "encrypted": lambda: "x.y.z.a.b",
    "too large": lambda: signed(OURS, {}, {"padding": "x" * LARGEST_TOKEN}),
    "nothing": lambda: "",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_it_is_refused(verifier: TokenVerifier, forge: Callable[[], str]) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier.verify(f"Bearer {forge()}")


RIGHT_ONES = {
    "as a library signs": lambda: signed(OURS, {}, {}),
    "signed by hand": lambda: raw(HEADER, right()),
    "expired a moment ago": lambda: signed(OURS, {}, {"exp": now() - WITHIN}),
    "valid in a moment": lambda: signed(OURS, {}, {"nbf": now() + WITHIN}),
    "signed by a clock that is ahead": lambda: signed(OURS, {}, {"iat": now() + WITHIN}),
    "without the key's id, where there is one key": lambda: raw(json.dumps({"alg": "RS256"}), right()),
}


@pytest.mark.parametrize("token", RIGHT_ONES.values(), ids=RIGHT_ONES.keys())
async def test_what_the_forgeries_start_from_is_let_in(verifier: TokenVerifier, token: Callable[[], str]) -> None:
    assert (await verifier.verify(f"Bearer {token()}")).subject == "console"


KEYS: dict[str, Callable[[], Key]] = {
    "RS512": lambda: RSAKey.generate_key(2048, auto_kid=True),
    "PS256": lambda: RSAKey.generate_key(2048, auto_kid=True),
    "ES256": lambda: ECKey.generate_key("P-256", auto_kid=True),
    "ES384": lambda: ECKey.generate_key("P-384", auto_kid=True),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519", auto_kid=True),
}


@pytest.mark.parametrize("algorithm", KEYS)
async def test_an_issuer_signs_as_it_was_allowed_to_and_no_otherwise(
    ground: Ground, tmp_path: Path, algorithm: str
) -> None:
    key, place = KEYS[algorithm](), tmp_path / "jwks.json"
    place.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    token = f"Bearer {signed(key, {'alg': algorithm}, {})}"
    for allowed in ([algorithm], ["RS256"]):
        settings = ground.settings("probe", issuers=[Issuer(issuer=ISSUER, jwks_file=place, algorithms=allowed)])
        verifier = TokenVerifier(settings, shared_ring(settings))
        if allowed == [algorithm]:
            assert (await verifier.verify(token)).subject == "console"
        else:
            with pytest.raises(NotAuthenticated):
                await verifier.verify(token)


async def test_a_token_that_was_verified_once_still_ends(verifier: TokenVerifier) -> None:
    token = f"Bearer {signed(OURS, {}, {'exp': now() - LEEWAY_SECONDS + 2})}"
    assert (await verifier.verify(token)).subject == "console"

    async def ended() -> bool:
        try:
            await verifier.verify(token)
        except NotAuthenticated:
            return True
        return False

    await until(ended, seconds=10)


@pytest.mark.parametrize(("mode", "is_let_in"), [(Mode.PRODUCTION, False), (Mode.DEVELOPMENT, True)])
async def test_production_lets_no_token_last_longer_than_it_says(
    ground: Ground, tmp_path: Path, mode: Mode, *, is_let_in: bool
) -> None:
    place = tmp_path / "jwks.json"
    place.write_text(json.dumps({"keys": [OURS.as_dict(private=False)]}))
    settings = ground.settings("probe", issuers=[Issuer(issuer=ISSUER, jwks_file=place)])
    longest = settings.token_max_age
    verifier = TokenVerifier(settings.model_copy(update={"mode": mode}), shared_ring(settings))
    within, beyond = (f"Bearer {signed(OURS, {}, {'exp': now() + longest + more})}" for more in (-5, 60))
    assert (await verifier.verify(within)).subject == "console"
    if is_let_in:
        assert (await verifier.verify(beyond)).subject == "console"
    else:
        with pytest.raises(NotAuthenticated):
            await verifier.verify(beyond)


@pytest.mark.parametrize("scheme", ["Basic", "DPoP", "", "Bearer  "])
async def test_another_scheme_is_refused(verifier: TokenVerifier, scheme: str) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier.verify(f"{scheme} {signed(OURS, {}, {})}")


@pytest.mark.parametrize("wrong", [["HS256"], ["none"], ["RS256", "HS512"], []])
def test_an_issuer_cannot_be_allowed_to_sign_with_a_secret(wrong: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"trusted|at least"):
        Issuer(issuer=ISSUER, jwks_file=tmp_path, algorithms=wrong)
