import random

import pytest

from libs.common.phone import normalise_phone


@pytest.mark.parametrize(
    "raw",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "+86 138 1234 5678",
        "+8613812345678",
        "008613812345678",
        "8613812345678",
        " (+86) 13812345678 ",
        "\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "\uff0b86 13812345678",
    ],
)
def test_a_mobile_number_has_one_form_however_it_is_written(raw: str) -> None:
    assert normalise_phone(raw) == "+8613812345678"


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("010-65551234", "CN", "+861065551234"),
        ("(021) 62345678", "CN", "+862162345678"),
        ("+852 9123 4567", "CN", "+85291234567"),
        ("9123 4567", "HK", "+85291234567"),
        ("+44 20 7946 0958", "CN", "+442079460958"),
        ("(202) 456-1111", "US", "+12024561111"),
    ],
)
def test_landlines_and_foreign_numbers_are_kept_in_e164(raw: str, region: str, expected: str) -> None:
    assert normalise_phone(raw, region) == expected


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        ("", "is not a phone number"),
        ("-", "is not a phone number"),
        ("12345", "not one that its country assigns"),
        ("12812345678", "not one that its country assigns"),
        ("1381234567", "not one that its country assigns"),
        ("138123456789", "not one that its country assigns"),
        ("+999 12345678", "country code is unknown"),
        ("13812345678/13912345678", "is not a phone number"),
        ("138-CALL-NOW", "contains letters"),
        ("call 13812345678", "contains letters"),
        ("010-65551234 转 12", "contains letters"),
        ("010-65551234#12", "has an extension"),
        ("1" * 300, "is not a phone number"),
    ],
)
def test_what_is_no_number_is_refused_with_its_cause(raw: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause) as refused:
        normalise_phone(raw)
    assert not any(character.isdigit() for character in str(refused.value))


def test_a_normalised_number_stays_as_it_is() -> None:
    chance = random.Random(20260302)  # noqa: S311 - a fixed seed, so that a failure repeats
    for _ in range(300):
        number = f"13{chance.randrange(5, 10)}{chance.randrange(10**8):08d}"
        normal = normalise_phone(number)
        assert normal == f"+86{number}"
        assert normalise_phone(normal) == normal
