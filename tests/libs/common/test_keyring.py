import base64
import json
import secrets
import stat
from pathlib import Path

import pytest

from libs.common.keyring import BadSignature, KeyRing, KeyRingError


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def write_ring(path: Path, document: object, *, mode: int = 0o600) -> Path:
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
    path.chmod(mode)
    return path


def rotate(path: Path) -> KeyRing:
    document = json.loads(path.read_text())
    document["keys"]["2"] = new_key()
    return KeyRing.load(write_ring(path, document | {"current": 2}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_generated_ring_is_private_and_loads_again(path: Path) -> None:
    generated = KeyRing.generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (generated.current, generated.index, generated.versions) == (1, 1, (1,))
    assert KeyRing.load(path).derive("fields") == generated.derive("fields")
    assert list(path.parent.iterdir()) == [path]


def test_generating_never_overwrites(path: Path) -> None:
    KeyRing.generate(path)
    before = path.read_bytes()
    with pytest.raises(KeyRingError, match="cannot be created: File exists"):
        KeyRing.generate(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_directory_is_said_with_the_path(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "keys.json"
    with pytest.raises(KeyRingError, match=f"{missing} cannot be created: No such file"):
        KeyRing.generate(missing)
    with pytest.raises(KeyRingError, match=f"{missing} cannot be read: No such file"):
        KeyRing.load(missing)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
def test_a_file_open_to_group_or_others_is_refused(path: Path, mode: int) -> None:
    KeyRing.generate(path)
    path.chmod(mode)
    with pytest.raises(KeyRingError, match=f"{path} is open to group or others .mode {mode:04o}"):
        KeyRing.load(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_the_owner_alone_is_accepted(path: Path, mode: int) -> None:
    KeyRing.generate(path)
    path.chmod(mode)
    assert KeyRing.load(path).versions == (1,)


@pytest.mark.parametrize(
    "broken",
    [
        {"current": 1, "index": 1, "keys": {"1": "KEY=="}},
        {"current": 1, "index": 1, "keys": {"1": "KEY!"}},
        {"current": 1, "index": 1, "keys": {"1": ["KEY"]}},
        {"current": 1, "index": 1, "keys": {"KEY": "1"}},
        {"current": 1, "index": 1, "keys": {"01": "KEY"}},
        {"current": 1, "index": 1, "keys": {"0": "KEY"}},
        {"current": 1, "index": 1, "keys": {"256": "KEY"}},
        {"current": 2, "index": 1, "keys": {"1": "KEY"}},
        {"current": 1, "index": 2, "keys": {"1": "KEY"}},
        {"current": 1, "keys": {"1": "KEY"}},
        {"current": "KEY", "index": 1, "keys": {"1": "KEY"}},
        {"current": 1, "index": 1, "keys": ["KEY"]},
        {"current": 1, "index": 1, "keys": {}},
        ["KEY"],
    ],
)
def test_a_malformed_ring_is_refused_without_key_material(path: Path, broken: object) -> None:
    key = new_key()
    write_ring(path, json.loads(json.dumps(broken).replace("KEY", key)))
    with pytest.raises(KeyRingError) as refused:
        KeyRing.load(path)
    assert str(path) in str(refused.value)
    assert key[:12] not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'{"current": 1, "keys": {"1": "c2VjcmV0'])
def test_a_file_that_is_not_json_is_refused_without_its_content(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyRingError, match=r"is not JSON$"):
        KeyRing.load(path)


def test_a_short_key_is_refused(path: Path) -> None:
    short = base64.b64encode(secrets.token_bytes(31)).decode()
    write_ring(path, {"current": 1, "index": 1, "keys": {"1": short}})
    with pytest.raises(KeyRingError, match=r"version 1\) that is not 32 bytes"):
        KeyRing.load(path)


def test_keys_differ_by_purpose_and_version(path: Path) -> None:
    KeyRing.generate(path)
    ring = rotate(path)
    derived = {ring.derive(purpose, version) for purpose in ("fields", "cursors") for version in (1, 2)}
    assert len(derived) == 4
    assert {len(key) for key in derived} == {32}
    assert ring.derive("fields") == ring.derive("fields", 2)


def test_derivation_is_hkdf_sha256_of_the_purpose(path: Path) -> None:
    # Computed with an independent HKDF (RFC 5869): hmac over hashlib, no salt.
    write_ring(path, {"current": 1, "index": 1, "keys": {"1": base64.b64encode(bytes(range(32))).decode()}})
    expected = "e0182e37d6056e6ae2c0240db4b814bc7910dba8be3ee4f70ea144fe19ad4583"
    assert KeyRing.load(path).derive("fields").hex() == expected


def test_an_unknown_version_is_refused(path: Path) -> None:
    with pytest.raises(KeyRingError, match="no key version 7"):
        KeyRing.generate(path).derive("fields", 7)


def test_a_ring_shows_no_key_when_printed(path: Path) -> None:
    ring = KeyRing.generate(path)
    derived = ring.derive("fields")
    shown = f"{ring!r} {ring}"
    assert repr(derived)[2:-1] not in shown
    assert repr(ring.keys[1])[2:-1] not in shown
    assert "current=1" in shown


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00" * 16, secrets.token_bytes(200)])
def test_a_token_carries_its_payload(path: Path, payload: bytes) -> None:
    ring = KeyRing.generate(path)
    token = ring.sign("cursors", payload)
    assert ring.verify("cursors", token) == payload
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_holds_for_its_purpose_and_binding_alone(path: Path) -> None:
    ring = KeyRing.generate(path)
    token = ring.sign("consistency", b"payload", bound_to=b"anna")
    assert ring.verify("consistency", token, bound_to=b"anna") == b"payload"
    for purpose, bound_to in (("cursors", b"anna"), ("consistency", b"bert"), ("consistency", b"")):
        with pytest.raises(BadSignature):
            ring.verify(purpose, token, bound_to=bound_to)


def test_the_seam_between_binding_and_payload_does_not_move(path: Path) -> None:
    ring = KeyRing.generate(path)
    raw = base64.urlsafe_b64decode(ring.sign("cursors", b"cd", bound_to=b"ab") + "==")
    moved = base64.urlsafe_b64encode(raw[:1] + b"bcd" + raw[-16:]).rstrip(b"=").decode()
    with pytest.raises(BadSignature):
        ring.verify("cursors", moved, bound_to=b"a")


def test_every_changed_character_of_a_token_is_refused(path: Path) -> None:
    ring = KeyRing.generate(path)
    token = ring.sign("cursors", b"position 42")  # 28 bytes: the last character has unused bits
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = [
        token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in alphabet if other != token[at]
    ]
    for forged in changed:
        with pytest.raises(BadSignature):
            ring.verify("cursors", forged)
    assert len(changed) == 63 * len(token)


@pytest.mark.parametrize("wrong", ["", "A", "AAAA", "!", "关系", "A" * 22, "A" * 400, "\n", "=", "\ud800"])
def test_a_text_that_is_no_token_is_refused(path: Path, wrong: str) -> None:
    with pytest.raises(BadSignature):
        KeyRing.generate(path).verify("cursors", wrong)


@pytest.mark.parametrize("addition", ["=", "\n", " ", "!", "A"])
def test_a_token_with_something_added_is_refused(path: Path, addition: str) -> None:
    ring = KeyRing.generate(path)
    token = ring.sign("cursors", b"payload")
    for forged in (token + addition, addition + token, token[:5] + addition + token[5:]):
        with pytest.raises(BadSignature):
            ring.verify("cursors", forged)


def test_a_token_signed_before_a_rotation_still_holds_until_its_key_goes(path: Path) -> None:
    token = KeyRing.generate(path).sign("cursors", b"payload")
    rotated = rotate(path)
    assert rotated.verify("cursors", token) == b"payload"
    assert rotated.sign("cursors", b"payload") != token
    document = json.loads(path.read_text())
    del document["keys"]["1"]
    without = KeyRing.load(write_ring(path, document | {"index": 2}))
    with pytest.raises(BadSignature, match="not in use"):
        without.verify("cursors", token)


def test_another_ring_does_not_verify(tmp_path: Path) -> None:
    token = KeyRing.generate(tmp_path / "one.json").sign("cursors", b"payload")
    with pytest.raises(BadSignature):
        KeyRing.generate(tmp_path / "two.json").verify("cursors", token)
