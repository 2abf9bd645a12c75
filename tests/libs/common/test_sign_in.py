"""Tokens of a real provider, whose keys change under way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from joserfc.jwk import RSAKey

from libs.common.authentication import NotAuthenticated, Principal, TokenVerifier
from libs.common.issuers import LARGEST_DOCUMENT, IssuerAway
from libs.common.kms import shared_ring
from libs.common.settings import Issuer
from tests.certificates import Certificates
from tests.conftest import Ground
from tests.oidc.provider import Provider
from tests.ports import free_port
from tests.tokens import signed

FIRST = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
SECOND = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
STRANGER = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    certificates = Certificates.make(tmp_path / "certificates")
    made = Provider(free_port(), tmp_path, certificates, {"console": ["manager"], "phone": ["customer", 7]})  # type: ignore[list-item]
    yield made
    await made.stop()


Made = Callable[..., TokenVerifier]


@pytest.fixture
def verifier(ground: Ground, provider: Provider) -> Made:
    def make(**changed: object) -> TokenVerifier:
        told = {"issuers": [Issuer(issuer=provider.issuer)], "tls_authorities": provider.certificates.authorities}
        settings = ground.settings("probe", **{**told, **changed})
        return TokenVerifier(settings, shared_ring(settings))

    return make


async def told(verifier: TokenVerifier, token: str) -> Principal:
    return await verifier.verify(f"Bearer {token}")


async def test_a_providers_token_says_who_calls(provider: Provider, verifier: Made) -> None:
    await provider.start([FIRST])
    ours = verifier()
    principal = await told(ours, await provider.token("console"))
    assert (principal.issuer, principal.subject, principal.roles) == (provider.issuer, "console", {"manager"})
    assert (await told(ours, await provider.token("phone"))).roles == {"customer"}


async def test_a_new_key_is_asked_for_but_not_at_once_again(provider: Provider, verifier: Made) -> None:
    patient, eager = verifier(), verifier(issuer_ask_again=0.0)
    await provider.start([FIRST])
    early = await provider.token("console")
    for ours in (patient, eager):
        await told(ours, early)
    await provider.stop()
    await provider.start([SECOND, FIRST])
    late = await provider.token("console")
    with pytest.raises(NotAuthenticated):  # the issuer was asked a moment ago
        await told(patient, late)
    assert (await told(eager, late)).subject == "console"
    assert (await told(eager, early)).subject == "console"


async def test_a_withdrawn_key_is_forgotten(provider: Provider, verifier: Made) -> None:
    ours = verifier(issuer_ask_again=0.0)
    await provider.start([FIRST])
    early, other = await provider.token("console"), await provider.token("phone")
    await told(ours, early)
    await provider.stop()
    await provider.start([SECOND])
    assert (await told(ours, await provider.token("console"))).subject == "console"
    with pytest.raises(NotAuthenticated):
        await told(ours, other)


async def test_strangers_key_ids_do_not_make_us_ask_again(
    provider: Provider, verifier: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = verifier()
    await provider.start([FIRST])
    await told(ours, await provider.token("console"))
    await provider.stop()  # whoever asks it now says in the log that nobody answers
    for number in range(50):
        with pytest.raises(NotAuthenticated):
            await told(ours, signed(STRANGER, {"kid": f"made-up-{number}"}, {"iss": provider.issuer}))
    assert "not to be had" not in capsys.readouterr().out


async def test_an_issuer_that_is_away_is_neither_yes_nor_no(provider: Provider, verifier: Made) -> None:
    with pytest.raises(IssuerAway):
        await told(verifier(), signed(FIRST, {}, {"iss": provider.issuer}))


async def test_behind_an_issuer_that_hangs_nobody_queues(ground: Ground) -> None:
    taken = 0

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = ground.settings("probe", issuers=[Issuer(issuer=issuer)])
    ours = TokenVerifier(settings, shared_ring(settings))
    asking = [told(ours, signed(FIRST, {}, {"iss": issuer, "sub": str(number)})) for number in range(20)]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    server.close()
    assert {type(answer) for answer in answers} == {IssuerAway}
    assert taken == 1, "whoever waited behind the first does not ask again"


async def test_an_issuer_that_is_silent_for_too_long_is_believed_no_more(provider: Provider, verifier: Made) -> None:
    ours = verifier(issuer_oldest=0.0)
    await provider.start([FIRST])
    token = await provider.token("console")
    await provider.stop()
    with pytest.raises(IssuerAway):
        await told(ours, token)


async def test_a_known_key_needs_no_issuer(provider: Provider, verifier: Made) -> None:
    ours = verifier(issuer_fresh=0.0)
    await provider.start([FIRST])
    first, second = await provider.token("console"), await provider.token("phone")
    await told(ours, first)
    await provider.stop()
    assert (await told(ours, second)).subject == "phone"


async def test_an_authority_that_we_do_not_trust_is_nobody(provider: Provider, verifier: Made, tmp_path: Path) -> None:
    await provider.start([FIRST])
    other = Certificates.make(tmp_path / "other")
    with pytest.raises(IssuerAway):
        await told(verifier(tls_authorities=other.authorities), await provider.token("console"))


def about(issuer: str, **told: object) -> web.Response:
    return web.json_response({"issuer": issuer, "jwks_uri": f"{issuer}/keys", **told})


KEYS = {"keys": [FIRST.as_dict(private=False)]}
WRONG: dict[str, tuple[Callable[[str], web.Response], object]] = {
    "another's name": (lambda _: about("https://evil.example"), KEYS),
    "keys behind a weaker scheme": (lambda issuer: about(issuer, jwks_uri="ftp://evil.example/keys"), KEYS),
    "no place of keys": (lambda issuer: web.json_response({"issuer": issuer}), KEYS),
    "elsewhere": (lambda issuer: web.Response(status=302, headers={"Location": f"{issuer}/other"}), KEYS),
    "an error": (lambda _: web.Response(status=500), KEYS),
    "no object": (lambda _: web.json_response([]), KEYS),
    "no JSON": (lambda _: web.Response(text="<html>"), KEYS),
    "no end": (lambda _: web.Response(body=b" " * (LARGEST_DOCUMENT + 1)), KEYS),
    "no key": (about, {"keys": []}),
    "secrets alone": (about, {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}),
    "keys for something else": (about, {"keys": [FIRST.as_dict(private=False) | {"use": "enc"}]}),
}


@pytest.mark.parametrize("wrong", [*WRONG, None])
async def test_what_an_issuer_says_of_itself_is_held_against_it(ground: Ground, wrong: str | None) -> None:
    answer, keys = WRONG[wrong] if wrong else (about, KEYS)

    async def says(request: web.Request) -> web.Response:
        if request.path.endswith("/keys"):
            return web.json_response(keys)
        return answer(issuer)

    app = web.Application()
    app.router.add_get("/{path:.*}", says)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = ground.settings("probe", issuers=[Issuer(issuer=issuer)])
    asking = told(TokenVerifier(settings, shared_ring(settings)), signed(FIRST, {}, {"iss": issuer}))
    try:
        if wrong is None:
            assert (await asking).subject == "console"
        else:
            with pytest.raises(IssuerAway):
                await asking
    finally:
        await runner.cleanup()
