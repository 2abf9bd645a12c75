import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from libs.common.encryption import BlindIndex, DecryptionFailed, FieldCipher
from libs.common.ids import new_id
from libs.common.keyring import KeyRing

TEXT = "11010519491231002X"
ROW = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


class Place:
    """Where a value lies, by default always the same."""

    def __init__(self, table: str = "documents", column: str = "number", row: UUID = ROW) -> None:
        self.table, self.column, self.row = table, column, row

    def encrypt(self, ring: KeyRing, text: str) -> bytes:
        return FieldCipher(ring).encrypt(text, table=self.table, column=self.column, row=self.row)

    def decrypt(self, ring: KeyRing, value: bytes) -> str:
        return FieldCipher(ring).decrypt(value, table=self.table, column=self.column, row=self.row)


HERE = Place()


def rotated(path: Path, *, version: int, drop: str = "") -> KeyRing:
    document = json.loads(path.read_text())
    document["keys"][str(version)] = base64.b64encode(secrets.token_bytes(32)).decode()
    document["keys"].pop(drop, None)
    index = version if drop == "1" else document["index"]
    path.write_text(json.dumps(document | {"current": version, "index": index}))
    return KeyRing.load(path)


def bit_flips(value: bytes) -> Iterator[bytes]:
    for at in range(len(value)):
        for bit in range(8):
            yield value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def ring(path: Path) -> KeyRing:
    return KeyRing.generate(path)


@pytest.mark.parametrize("text", ["", "1", TEXT, "上海市浦东新区世纪大道100号", "\0", "x" * 100_000])
def test_a_value_opens_where_it_was_sealed(ring: KeyRing, text: str) -> None:
    assert HERE.decrypt(ring, HERE.encrypt(ring, text)) == text


def test_a_value_has_its_documented_shape(ring: KeyRing) -> None:
    value = HERE.encrypt(ring, TEXT)
    assert value[:3] == b"\x01\x00\x01"
    assert len(value) == 1 + 2 + 12 + len(TEXT) + 16
    assert TEXT.encode() not in value


def test_equal_texts_are_sealed_differently(ring: KeyRing) -> None:
    sealed = {HERE.encrypt(ring, TEXT) for _ in range(100)}
    assert len(sealed) == 100
    assert len({value[3:15] for value in sealed}) == 100


def test_every_flipped_bit_is_refused(path: Path) -> None:
    KeyRing.generate(path)
    ring = rotated(path, version=3)  # flips of the version byte reach key 1 as well as keys that are not there
    value = HERE.encrypt(ring, TEXT)
    assert HERE.decrypt(ring, value) == TEXT
    for altered in bit_flips(value):
        with pytest.raises(DecryptionFailed):
            HERE.decrypt(ring, altered)


def test_every_shortened_or_lengthened_value_is_refused(ring: KeyRing) -> None:
    value = HERE.encrypt(ring, TEXT)
    for altered in (*(value[:size] for size in range(len(value))), value + b"\0", b"\0" + value):
        with pytest.raises(DecryptionFailed):
            HERE.decrypt(ring, altered)


@pytest.mark.parametrize("elsewhere", [Place(table="phones"), Place(column="issuer"), Place(row=new_id())])
def test_a_value_moved_to_another_place_is_refused(ring: KeyRing, elsewhere: Place) -> None:
    value = HERE.encrypt(ring, TEXT)
    with pytest.raises(DecryptionFailed, match="altered, or moved"):
        elsewhere.decrypt(ring, value)


def test_a_refusal_names_the_column_and_cause_and_no_content(ring: KeyRing) -> None:
    value = HERE.encrypt(ring, TEXT)
    with pytest.raises(DecryptionFailed) as refused:
        Place(row=new_id()).decrypt(ring, value)
    assert str(refused.value) == (
        "a value of documents.number cannot be decrypted: it was altered, or moved from another place"
    )


def test_another_format_is_refused_by_its_number(ring: KeyRing) -> None:
    with pytest.raises(DecryptionFailed, match="format 2 is unknown"):
        HERE.decrypt(ring, b"\x02" + HERE.encrypt(ring, TEXT)[1:])


def test_an_old_value_opens_after_a_rotation_and_a_new_one_uses_the_new_key(path: Path) -> None:
    old = HERE.encrypt(KeyRing.generate(path), TEXT)
    ring = rotated(path, version=2)
    assert HERE.decrypt(ring, old) == TEXT
    new = HERE.encrypt(ring, TEXT)
    assert (old[1:3], new[1:3]) == (b"\x00\x01", b"\x00\x02")
    assert HERE.decrypt(ring, new) == TEXT


def test_a_value_whose_key_was_destroyed_stays_shut(path: Path) -> None:
    old = HERE.encrypt(KeyRing.generate(path), TEXT)
    ring = rotated(path, version=2, drop="1")
    with pytest.raises(DecryptionFailed, match="holds no key version 1"):
        HERE.decrypt(ring, old)


def test_another_ring_opens_nothing(ring: KeyRing, tmp_path: Path) -> None:
    with pytest.raises(DecryptionFailed):
        HERE.decrypt(KeyRing.generate(tmp_path / "other.json"), HERE.encrypt(ring, TEXT))


@pytest.mark.parametrize(
    "written",
    [
        "11010519491231002x",
        " 110105 1949 1231 002X ",
        "110105-19491231-002X",
        "\uff11\uff11\uff10\uff11\uff10\uff15\uff11\uff19\uff14\uff19\uff11\uff12\uff13\uff11\uff10\uff10\uff12\uff38",
        "110105\u300019491231\u2013002X",
    ],
)
def test_the_blind_index_ignores_how_a_number_is_written(ring: KeyRing, written: str) -> None:
    index = BlindIndex(ring)
    assert index.index("resident_id", written) == index.index("resident_id", TEXT)


def test_the_blind_index_differs_by_text_kind_and_ring(ring: KeyRing, tmp_path: Path) -> None:
    index = BlindIndex(ring)
    other = BlindIndex(KeyRing.generate(tmp_path / "other.json"))
    found = {
        index.index("resident_id", TEXT),
        index.index("passport", TEXT),
        index.index("resident_id", "110105194912310038"),
        other.index("resident_id", TEXT),
    }
    assert len(found) == 4
    assert {len(value) for value in found} == {33}


def test_the_blind_index_uses_a_key_of_its_own(ring: KeyRing) -> None:
    assert ring.derive("blind-index") != ring.derive("fields")


def test_the_blind_index_survives_a_rotation_of_the_current_key(path: Path) -> None:
    before = BlindIndex(KeyRing.generate(path)).index("phone", "+8613812345678")
    ring = rotated(path, version=2)
    assert (ring.current, ring.index) == (2, 1)
    assert BlindIndex(ring).index("phone", "+8613812345678") == before


def test_the_blind_index_changes_with_its_own_version(path: Path) -> None:
    before = BlindIndex(KeyRing.generate(path)).index("phone", "+8613812345678")
    ring = rotated(path, version=2, drop="1")
    assert ring.index == 2
    assert BlindIndex(ring).index("phone", "+8613812345678") != before


@pytest.mark.parametrize("empty", ["", " ", "-", "\u3000 - "])
def test_an_empty_identifier_is_not_indexed(ring: KeyRing, empty: str) -> None:
    with pytest.raises(ValueError, match="an empty phone cannot be indexed"):
        BlindIndex(ring).index("phone", empty)
