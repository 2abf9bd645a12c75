"""Keys that a key management service keeps: a ring's file opens nothing without it."""

import base64
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typer.testing import CliRunner

from guanxi.keys import keys
from libs.common.app import build_chassis
from libs.common.database import Database
from libs.common.encryption import FieldCipher
from libs.common.key_changes import add_key, index_by, retire_key, use_key, wrap_keys
from libs.common.keyring import KeyRing, KeyRingError
from libs.common.kms import Transit, keeper_of, own_ring
from libs.common.settings import KmsSettings
from libs.directory.authority import Directory
from tests.conftest import Ground

TOKEN = "of a test"


class Engine(ThreadingHTTPServer):
    """Speaks as a transit engine does: it wraps and unwraps for whoever shows its token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.key, self.asked = AESGCM(AESGCM.generate_key(256)), list[str]()


class _Request(BaseHTTPRequestHandler):
    server: Engine

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path)
        if self.headers["X-Vault-Token"] != TOKEN:
            self._answer(403, {"errors": ["permission denied"]})
        elif self.path == "/v1/transit/encrypt/guanxi":
            nonce = os.urandom(12)
            sealed = nonce + self.server.key.encrypt(nonce, told["plaintext"].encode(), None)
            self._answer(200, {"data": {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}"}})
        else:
            sealed = base64.b64decode(told["ciphertext"].removeprefix("vault:v1:"))
            plain = self.server.key.decrypt(sealed[:12], sealed[12:], None).decode()
            self._answer(200, {"data": {"plaintext": plain}})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine() as opened:
        Thread(target=opened.serve_forever, daemon=True).start()
        yield opened
        opened.shutdown()


@pytest.fixture
def settings(engine: Engine, tmp_path: Path) -> KmsSettings:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    return KmsSettings(kms_url=f"http://127.0.0.1:{engine.server_port}", kms_token=token)


def test_the_file_holds_nothing_that_opens_anything(settings: KmsSettings, tmp_path: Path) -> None:
    path, keeper, row = tmp_path / "ring.json", keeper_of(settings), uuid4()
    plain = KeyRing.generate(path)
    sealed = FieldCipher(plain).encrypt("secret", table="t", column="c", row=row)
    assert wrap_keys(path, keeper) == 1
    assert base64.b64encode(plain.keys[1]) not in path.read_bytes()
    assert FieldCipher(KeyRing.load(path, keeper)).decrypt(sealed, table="t", column="c", row=row) == "secret"
    with pytest.raises(KeyRingError, match="GUANXI_KMS_URL is missing"):
        KeyRing.load(path)


def test_a_ring_that_is_not_wrapped_yet_is_opened_too(settings: KmsSettings, tmp_path: Path, engine: Engine) -> None:
    """Rings are brought under the service one by one, and keys of one ring too."""
    path, keeper = tmp_path / "ring.json", keeper_of(settings)
    plain = KeyRing.generate(path)
    assert KeyRing.load(path, keeper).derive("fields") == plain.derive("fields")
    assert engine.asked == []
    add_key(path, keeper)
    assert KeyRing.load(path, keeper).versions == (1, 2)


def test_its_keys_are_changed_as_others_are(settings: KmsSettings, tmp_path: Path) -> None:
    path, keeper = tmp_path / "ring.json", keeper_of(settings)
    KeyRing.generate(path, keeper)
    assert add_key(path, keeper) == 2
    use_key(path, 2, keeper)
    index_by(path, 2, keeper)
    retire_key(path, 1, keeper)
    ring = KeyRing.load(path, keeper)
    assert (ring.current, ring.index, ring.versions) == (2, 2, (2,))
    assert json.loads(path.read_bytes())["keys"]["2"].startswith("vault:v1:")


async def test_an_app_starts_with_them(ground: Ground, settings: KmsSettings, tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "ring.json"
    wrapped = KeyRing.generate(path, keeper_of(settings))
    told = {"keyring": path, "shared_keyring": path, "kms_url": settings.kms_url, "kms_token": settings.kms_token}
    of_app = ground.settings("customer", **told)
    assert own_ring(of_app).derive("fields") == wrapped.derive("fields")
    engine.asked.clear()
    database = Database(of_app.dsn)
    chassis = build_chassis(of_app, database, Directory(of_app, database), {})
    assert chassis.keyring.derive("cursors") == wrapped.derive("cursors")
    assert engine.asked == ["/v1/transit/decrypt/guanxi"] * 2
    await chassis.trail.close()
    await database.close()


@pytest.mark.parametrize(
    ("token", "url", "said"), [("x", None, "answered 403"), (TOKEN, "http://127.0.0.1:1", "no answer")]
)
def test_who_is_refused_or_finds_nobody_is_told_so(
    settings: KmsSettings, tmp_path: Path, token: str, url: str | None, said: str
) -> None:
    path = tmp_path / "ring.json"
    KeyRing.generate(path, keeper_of(settings))
    other = tmp_path / "other-token"
    other.write_text(token)
    with pytest.raises(KeyRingError, match=said):
        KeyRing.load(path, Transit(settings, url or str(settings.kms_url), other))
    with pytest.raises(KeyRingError, match="no answer"):
        KeyRing.load(path, Transit(settings, str(settings.kms_url), tmp_path / "missing"))


def test_a_url_without_a_token_is_no_setting(tmp_path: Path) -> None:
    for half in ({"kms_url": "https://kms.bank.example"}, {"kms_token": tmp_path / "token"}):
        with pytest.raises(ValueError, match="go together"):
            KmsSettings(**half)  # type: ignore[arg-type] # each is one of two


def test_production_asks_for_tls_there_too(ground: Ground, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="GUANXI_KMS_URL is not https"):
        ground.settings("customer", mode="production", kms_url="http://kms.bank.example", kms_token=tmp_path / "token")


def test_the_command_wraps_a_ring(settings: KmsSettings, tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    KeyRing.generate(path)
    env = {"GUANXI_KMS_URL": str(settings.kms_url), "GUANXI_KMS_TOKEN": str(settings.kms_token)}
    refused = CliRunner().invoke(keys, ["wrap", "--ring", str(path)])
    assert refused.exit_code != 0
    done = CliRunner().invoke(keys, ["wrap", "--ring", str(path)], env=env)
    assert done.exit_code == 0, done.output
    assert "vault:v1:" in path.read_text()
