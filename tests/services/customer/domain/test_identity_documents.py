import random
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from stdnum import numdb
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent, ValidationError

from services.customer.domain.identity_documents import (
    DocumentType,
    check_number,
    normalise_number,
    resident_id_birth_date,
    resident_id_gender,
)

TODAY = date(2026, 3, 2)
SAMPLES = 3_000
USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20260302)  # noqa: S311 - a fixed seed, so that a failure repeats


def check(document: DocumentType, number: str) -> str | None:
    return check_number(document, number, today=TODAY)


def resident_id(body: str) -> str:
    return body + ric.calc_check_digit(body + "0")


def counties() -> list[str]:
    """Regions that python-stdnum knows, whatever the year."""
    numbers = (f"{province}{rest:04d}" for province in (11, 31, 36, 44, 51, 65) for rest in range(1, 1000))
    return [number for number in numbers if "county" in dict(numdb.get("cn/loc").info(number)[-1][1])]


def resident_ids(chance: random.Random) -> Iterator[str]:
    known = counties()
    assert len(known) > 100
    for _ in range(SAMPLES):
        born = date(1920, 1, 1) + timedelta(days=chance.randrange(38_000))
        yield resident_id(f"{chance.choice(known)}{born:%Y%m%d}{chance.randrange(1, 1000):03d}")


def uscc_codes(chance: random.Random) -> Iterator[str]:
    for _ in range(SAMPLES):
        head = f"9{chance.randrange(1, 4)}{chance.randrange(10**6):06d}"
        body = head + "".join(chance.choices(USCC_SYMBOLS, k=9))
        yield body + uscc.calc_check_digit(body)


def mutated(chance: random.Random, number: str, symbols: str) -> str:
    at = chance.randrange(len(number))
    swapped = number[:at] + number[at + 1 : at + 2] + number[at] + number[at + 2 :]
    replaced = number[:at] + chance.choice(symbols) + number[at + 1 :]
    shortened, lengthened = number[:at] + number[at + 1 :], number[:at] + chance.choice(symbols) + number[at:]
    return chance.choice([swapped, replaced, replaced, shortened, lengthened])


def resident_id_is_well_formed(number: str) -> bool:
    """As python-stdnum sees it, leaving its table of counties aside."""
    try:
        ric.validate(number)
    except InvalidComponent:
        try:
            ric.get_birth_date(number)
        except InvalidComponent:
            return False
        return True
    except ValidationError:
        return False
    return True


def test_resident_ids_are_judged_as_stdnum_judges_them(chance: random.Random) -> None:
    judged = set()
    for number in resident_ids(chance):
        assert check(DocumentType.RESIDENT_ID, number) is None
        wrong = mutated(chance, number, "0123456789X")
        ours = check(DocumentType.RESIDENT_ID, wrong)
        judged.add(ours)
        if ours not in {"The region in the number does not exist.", FUTURE}:
            assert (ours is None) == resident_id_is_well_formed(wrong)
    assert len(judged) >= 5


def test_dates_and_regions_are_judged_under_a_right_check_digit(chance: random.Random) -> None:
    refused = 0
    for _ in range(SAMPLES):
        number = resident_id(f"110105{chance.randrange(1900, 2020)}{chance.randrange(10**7):07d}")
        ours = check(DocumentType.RESIDENT_ID, number)
        assert (ours is None) == resident_id_is_well_formed(number)
        refused += ours is not None
    assert 0 < refused < SAMPLES


def test_social_credit_codes_are_judged_as_stdnum_judges_them(chance: random.Random) -> None:
    judged = set()
    for code in uscc_codes(chance):
        assert check(DocumentType.USCC, code) is None
        wrong = mutated(chance, code, USCC_SYMBOLS + "IOSVZ")
        ours = check(DocumentType.USCC, wrong)
        judged.add(ours)
        if wrong[:2].isdigit():  # stdnum refuses the letters that GB 32100 has for authority and kind
            assert (ours is None) == uscc.is_valid(wrong)
    assert len(judged) >= 4


FUTURE = "The birth date in the number lies in the future."


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("11010519491231002X", None),
        ("110105194912310021", "The check digit does not fit"),
        ("1101051949123100", "has 18 characters"),
        ("", "has 18 characters"),
        ("1101051949123100XX", "digits only"),
        ("11010519491231002x", "digits only"),
        ("\u0661" * 18, "digits only"),
        (resident_id("16010519491231002"), "The region"),
        (resident_id("00010519491231002"), "The region"),
        (resident_id("11010519490229002"), "The birth date in the number does not exist"),
        (resident_id("11010519480229002"), None),
        (resident_id("11010519001301002"), "The birth date in the number does not exist"),
        (resident_id("11010520260302002"), None),
        (resident_id("11010520260303002"), "lies in the future"),
        (resident_id("83000019900101002"), None),
    ],
)
def test_a_resident_id_is_told_what_is_wrong(number: str, wrong: str | None) -> None:
    said = check(DocumentType.RESIDENT_ID, number)
    assert said is None if wrong is None else wrong in str(said)


def test_exactly_the_provinces_of_the_standard_are_known() -> None:
    known = {
        code
        for code in range(100)
        if check(DocumentType.RESIDENT_ID, resident_id(f"{code:02d}010119900101001")) is None
    }
    assert known == {
        *(11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46),
        *(50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91),
    }


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("91110000600037341L", None),
        ("91110000600037341M", "The check digit does not fit"),
        ("9111000060003734", "has 18 characters"),
        ("91110000600037341I", "other than I, O, S, V and Z"),
        ("91110000600037341l", "other than I, O, S, V and Z"),
        ("91A10000600037341L", "characters 3 to 8"),
    ],
)
def test_a_social_credit_code_is_told_what_is_wrong(code: str, wrong: str | None) -> None:
    said = check(DocumentType.USCC, code)
    assert said is None if wrong is None else wrong in str(said)


def test_a_social_credit_code_may_name_its_authority_by_a_letter() -> None:
    body = "N2110108MA0000000"
    assert check(DocumentType.USCC, body + uscc.calc_check_digit(body)) is None


FOREIGN = resident_id("91184019900101001")


@pytest.mark.parametrize(
    ("document", "number", "valid"),
    [
        (DocumentType.PASSPORT, "E12345678", True),
        (DocumentType.PASSPORT, "12345", True),
        (DocumentType.PASSPORT, "A" * 20, True),
        (DocumentType.PASSPORT, "1234", False),
        (DocumentType.PASSPORT, "A" * 21, False),
        (DocumentType.PASSPORT, "E1234\u4e2d", False),
        (DocumentType.PASSPORT, "E12345678\n", False),
        (DocumentType.HK_MACAU_PERMIT, "H12345678", True),
        (DocumentType.HK_MACAU_PERMIT, "M1234567801", True),
        (DocumentType.HK_MACAU_PERMIT, "C12345678", False),
        (DocumentType.HK_MACAU_PERMIT, "H123456780", False),
        (DocumentType.TAIWAN_PERMIT, "12345678", True),
        (DocumentType.TAIWAN_PERMIT, "1234567801", True),
        (DocumentType.TAIWAN_PERMIT, "1234567801B", True),
        (DocumentType.TAIWAN_PERMIT, "123456789", False),
        (DocumentType.FOREIGN_PERMANENT_RESIDENT_ID, "USA310190010101", True),
        (DocumentType.FOREIGN_PERMANENT_RESIDENT_ID, "US1310190010101", False),
        (DocumentType.FOREIGN_PERMANENT_RESIDENT_ID, FOREIGN, True),
        (DocumentType.FOREIGN_PERMANENT_RESIDENT_ID, "8" + FOREIGN[1:], False),
        (DocumentType.FOREIGN_PERMANENT_RESIDENT_ID, FOREIGN[:-1] + "?", False),
        (DocumentType.FOREIGN_PERMANENT_RESIDENT_ID, resident_id("91184019901301001"), False),
        (DocumentType.OTHER, "\u5357\u5b57\u7b2c12345\u53f7", True),
        (DocumentType.OTHER, "", False),
        (DocumentType.OTHER, "A" * 65, False),
    ],
)
def test_other_documents_have_their_shapes(document: DocumentType, number: str, *, valid: bool) -> None:
    assert (check(document, number) is None) == valid


@pytest.mark.parametrize("document", DocumentType)
def test_what_is_said_never_repeats_the_number(document: DocumentType) -> None:
    for number in ("9876543210987654321098", "987654321098765432", "98765432109876543A", "H?"):
        said = check(document, number)
        assert said is None or (number not in said and "98" not in said)
        assert said is None or said.endswith(".")


@pytest.mark.parametrize(
    ("document", "raw", "normal"),
    [
        (DocumentType.RESIDENT_ID, " 110105 19491231-002x ", "11010519491231002X"),
        (DocumentType.RESIDENT_ID, "11010519491231002\uff38", "11010519491231002X"),
        (DocumentType.RESIDENT_ID, "\uff11\uff11010519491231002\u2169", "11010519491231002X"),
        (DocumentType.RESIDENT_ID, "110105491231002", "11010519491231002X"),
        (DocumentType.RESIDENT_ID, "110105 491231 002", "11010519491231002X"),
        (DocumentType.RESIDENT_ID, "11010549123100A", "11010549123100A"),
        (DocumentType.PASSPORT, "e 1234-5678", "E12345678"),
        (DocumentType.PASSPORT, "110105491231002", "110105491231002"),
        (DocumentType.USCC, "91110000-600037341l", "91110000600037341L"),
        (DocumentType.OTHER, "a\u20131\u30002", "A12"),
    ],
)
def test_numbers_are_written_in_one_way(document: DocumentType, raw: str, normal: str) -> None:
    assert normalise_number(document, raw) == normal
    assert normalise_number(document, normal) == normal


def test_every_old_resident_id_is_upgraded_to_its_valid_new_one(chance: random.Random) -> None:
    for number in resident_ids(chance):
        if number[6:8] == "19":
            assert normalise_number(DocumentType.RESIDENT_ID, number[:6] + number[8:17]) == number


def test_the_number_tells_birth_date_and_gender() -> None:
    assert resident_id_birth_date("11010519491231002X") == date(1949, 12, 31)
    assert resident_id_gender("11010519491231002X") == "2"
    assert resident_id_gender(resident_id("11010519491231003")) == "1"


@pytest.mark.parametrize("number", ["110105194902300021", "1101", "110105ABCDEFGH0021"])
def test_a_birth_date_that_does_not_exist_is_refused_without_its_digits(number: str) -> None:
    with pytest.raises(ValueError, match=r"^The birth date in the number does not exist\.$"):
        resident_id_birth_date(number)
