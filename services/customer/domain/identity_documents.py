import re
import unicodedata
from datetime import date
from enum import StrEnum
from types import MappingProxyType


class DocumentType(StrEnum):
    RESIDENT_ID = "resident_id"
    PASSPORT = "passport"
    HK_MACAU_PERMIT = "hk_macau_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    FOREIGN_PERMANENT_RESIDENT_ID = "foreign_permanent_resident_id"
    USCC = "uscc"
    OTHER = "other"


_SPACES_AND_HYPHENS = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_OLD_RESIDENT_ID = re.compile(r"[0-9]{15}")
_CITIZEN_LENGTH = 18
_CITIZEN_CHARACTERS = re.compile(r"[0-9]{17}[0-9X]")

# GB 11643: check digit ISO 7064 MOD 11-2. GB/T 2260: the first two digits of a region.
_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECK_DIGITS = "10X98765432"
_PROVINCE_RANGES = (
    *((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65)),
    *((71, 71), (81, 83), (91, 91)),
)
_PROVINCES = frozenset(str(code) for first, last in _PROVINCE_RANGES for code in range(first, last + 1))

# GB 32100: authority, kind, six digits of region, nine of organisation, check digit.
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_LENGTH = 18
_USCC_MODULUS = 31
_USCC_CHARACTERS = re.compile(rf"[{_USCC_ALPHABET}]{{18}}")
_USCC_REGION = slice(2, 8)

_SHAPES = MappingProxyType(
    {
        DocumentType.PASSPORT: (
            re.compile(r"[A-Z0-9]{5,20}"),
            "A passport number has 5 to 20 Latin letters and digits.",
        ),
        DocumentType.HK_MACAU_PERMIT: (
            re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"),
            "A Hong Kong or Macau permit number is H or M and 8 digits, or 10 with the count of issues.",
        ),
        DocumentType.TAIWAN_PERMIT: (
            re.compile(r"[0-9]{8}(?:[0-9]{2}[0-9A-Z]?)?"),
            "A Taiwan permit number has 8 digits, older ones also the count of issues and the issuer's code.",
        ),
        DocumentType.FOREIGN_PERMANENT_RESIDENT_ID: (
            re.compile(r"[A-Z]{3}[0-9]{12}"),
            "A foreign permanent resident ID number is 3 letters and 12 digits, or 18 characters since 2023.",
        ),
        DocumentType.OTHER: (
            re.compile(r"[\w./()]{1,64}"),
            "A document number has 1 to 64 letters, digits, dots, slashes and brackets.",
        ),
    }
)


def normalise_number(document: DocumentType, raw: str) -> str:
    """Half-width, upper-case, without spaces and hyphens; a resident ID of 15 digits becomes one of 18."""
    number = _SPACES_AND_HYPHENS.sub("", unicodedata.normalize("NFKC", raw)).upper()
    if document is DocumentType.RESIDENT_ID and _OLD_RESIDENT_ID.fullmatch(number):
        body = number[:6] + "19" + number[6:]
        return body + _citizen_check_digit(body)
    return number


def check_number(document: DocumentType, number: str, *, today: date) -> str | None:
    """None for a valid normalised number, else one sentence that says what is wrong without repeating it."""
    if document is DocumentType.RESIDENT_ID:
        return _check_resident_id(number, today)
    if document is DocumentType.USCC:
        return _check_uscc(number)
    if document is DocumentType.FOREIGN_PERMANENT_RESIDENT_ID and len(number) == _CITIZEN_LENGTH:
        return _check_foreign_resident_id(number, today)
    shape, sentence = _SHAPES[document]
    return None if shape.fullmatch(number) else sentence


def resident_id_birth_date(number: str) -> date:
    """Digits 7 to 14 of an 18-character number; ValueError, without the digits, where they are no date."""
    digits = number[6:14]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise ValueError("The birth date in the number does not exist.") from None


def resident_id_gender(number: str) -> str:
    """The GB/T 2261.1 code, from digit 17 of an 18-character number: 1 male (odd), 2 female (even)."""
    return "1" if int(number[16]) % 2 else "2"


def _check_resident_id(number: str, today: date) -> str | None:
    if len(number) != _CITIZEN_LENGTH:
        return "A resident ID number has 18 characters, or 15 digits on an old card."
    if not _CITIZEN_CHARACTERS.fullmatch(number):
        return "A resident ID number has digits only, and a digit or X at the end."
    if number[:2] not in _PROVINCES:
        return "The region in the number does not exist."
    return _check_birth_date_and_check_digit(number, today)


def _check_foreign_resident_id(number: str, today: date) -> str | None:
    """The card of 2023: 9, place of issue, nationality, then as in a resident ID."""
    if not _CITIZEN_CHARACTERS.fullmatch(number) or number[0] != "9":
        return "A foreign permanent resident ID number of 18 characters has 9, 16 digits, and a digit or X."
    return _check_birth_date_and_check_digit(number, today)


def _check_birth_date_and_check_digit(number: str, today: date) -> str | None:
    try:
        born = resident_id_birth_date(number)
    except ValueError as error:
        return str(error)
    if born > today:
        return "The birth date in the number lies in the future."
    if number[-1] != _citizen_check_digit(number[:-1]):
        return "The check digit does not fit the number."
    return None


def _check_uscc(number: str) -> str | None:
    if len(number) != _USCC_LENGTH:
        return "A unified social credit code has 18 characters."
    if not _USCC_CHARACTERS.fullmatch(number):
        return "A unified social credit code has digits and capital letters other than I, O, S, V and Z."
    if not number[_USCC_REGION].isdigit():
        return "The region in the code, characters 3 to 8, has digits only."
    if number[-1] != _uscc_check_digit(number[:-1]):
        return "The check digit does not fit the code."
    return None


def _citizen_check_digit(body: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(_CITIZEN_WEIGHTS, body, strict=True))
    return _CITIZEN_CHECK_DIGITS[total % 11]


def _uscc_check_digit(body: str) -> str:
    total = sum(3**place * _USCC_ALPHABET.index(symbol) for place, symbol in enumerate(body))
    return _USCC_ALPHABET[-total % _USCC_MODULUS]
