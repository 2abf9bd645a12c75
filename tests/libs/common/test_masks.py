import random
from collections.abc import Callable

import pytest

from libs.common.masks import (
    mask_account,
    mask_address,
    mask_card,
    mask_document,
    mask_email,
    mask_name,
    mask_phone,
)

IDENTIFIERS = [mask_phone, mask_document, mask_card, mask_account]
ALL = [*IDENTIFIERS, mask_name, mask_email, mask_address]


def texts(alphabet: str) -> list[str]:
    chance = random.Random(7)  # noqa: S311 - a fixed seed, so that a failure repeats
    return ["".join(chance.choices(alphabet, k=size)) for size in range(1, 41) for _ in range(25)]


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张", "*"),
        ("张伟", "张*"),
        ("张伟明", "张*明"),
        ("欧阳修文", "欧**文"),
        (" 张 伟明 ", "张*明"),
        ("阿卜杜拉·买买提", "阿******提"),
        ("John Smith", "J* S*"),
        ("Anna", "A*"),
        ("J R Tolkien", "* * T*"),
        ("김철수", "김*"),
        ("\U00020bb7田", "\U00020bb7*"),
    ],
)
def test_names(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+8613812345678", "138****5678"),
        ("+86 138-1234-5678", "138****5678"),
        ("13812345678", "*******5678"),
        ("+862162345678", "*********5678"),
        ("+85291234567", "********4567"),
        ("95588", "***88"),
    ],
)
def test_phones(number: str, masked: str) -> None:
    assert mask_phone(number) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("11010519491231002X", "110***********002X"),
        ("110105 19491231 002X", "110***********002X"),
        ("110105491231002", "110********1002"),
        ("91110000600037341L", "911***********341L"),
        ("E12345678", "E*******8"),
        ("H12345678", "H*******8"),
        ("1234", "1**4"),
        ("123", "***"),
    ],
)
def test_documents(number: str, masked: str) -> None:
    assert mask_document(number) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("6222021234561234", "6222 **** **** 1234"),
        ("6222 0212 3456 1234", "6222 **** **** 1234"),
        ("6222021234567891234", "6222 **** **** 1234"),
        ("622202123456", "********3456"),
        ("12", "**"),
    ],
)
def test_cards(number: str, masked: str) -> None:
    assert mask_card(number) == masked


@pytest.mark.parametrize(("number", "masked"), [("0200001234567", "*********4567"), ("12345", "***45"), ("123", "***")])
def test_accounts(number: str, masked: str) -> None:
    assert mask_account(number) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("anna@b.com", "a***@b.com"),
        (" anna@b.com ", "a***@b.com"),
        ("ann@b.com", "***@b.com"),
        ("a@b.com", "***@b.com"),
        ('"anna@work"@b.com', '"***@b.com'),
        ("anna", "***"),
        ("@b.com", "***"),
        ("anna@", "***"),
    ],
)
def test_emails(address: str, masked: str) -> None:
    assert mask_email(address) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("上海市浦东新区世纪大道100号", "上海市浦东新区***"),
        ("北京市朝阳区建国路1号", "北京市朝阳区***"),
        ("浙江省杭州市淳安县千岛湖镇1号", "浙江省杭州市淳安县***"),
        ("内蒙古自治区呼和浩特市新城区中山路5号", "内蒙古自治区呼和浩特市新城区***"),
        ("内蒙古自治区锡林郭勒盟正蓝旗上都镇", "内蒙古自治区锡林郭勒盟正蓝旗***"),
        ("新疆维吾尔自治区巴音郭楞蒙古自治州和静县1号", "新疆维吾尔自治区巴音郭楞蒙古自治州和静县***"),
        ("香港特别行政区德辅道1号", "香港特别行政区***"),
        ("江苏省苏州市昆山市玉山镇花园小区3号楼201室", "江苏省苏州市***"),
        ("昆山市花园小区3号楼201室", "昆山市花园小***"),
        ("昆山市长江路幸福区3号楼201室", "昆山市长江路***"),
        ("上海市浦东新区", "上海市***"),
        ("221B Baker Street, London", "***B B***"),
        ("朝阳路1号", "朝阳***"),
        ("朝阳路", "***"),
    ],
)
def test_addresses(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@pytest.mark.parametrize("mask", ALL)
@pytest.mark.parametrize("empty", ["", " ", "\u3000"])
def test_nothing_masks_to_nothing(mask: Callable[[str], str], empty: str) -> None:
    assert mask(empty) == ""


@pytest.mark.parametrize("mask", IDENTIFIERS)
@pytest.mark.parametrize("alphabet", ["0123456789", "ABCXYZ0123456789", "+-0123456789 ", "张伟明区县市"])
def test_at_least_half_of_an_identifier_is_hidden(mask: Callable[[str], str], alphabet: str) -> None:
    for text in texts(alphabet):
        compact = text.replace("-", "").replace(" ", "")
        shown = mask(text).replace("*", "").replace(" ", "")
        assert len(shown) <= (len(compact) // 2 if len(compact) >= 4 else 0), text


@pytest.mark.parametrize("prefix", ["+86138", "+86199", "+8613"])
def test_at_least_half_of_a_number_shaped_like_a_mobile_is_hidden(prefix: str) -> None:
    for text in texts("0123456789"):
        number = prefix + text
        assert len(mask_phone(number).replace("*", "")) <= len(number) // 2


@pytest.mark.parametrize("mask", ALL)
@pytest.mark.parametrize(
    "alphabet",
    ["0123456789", "abc@. ", "张伟明·", "北京市区县旗路号1", "A b", "@", "+86-", "区", "自治区路1"],
)
def test_no_mask_shows_the_whole_input(mask: Callable[[str], str], alphabet: str) -> None:
    for text in texts(alphabet):
        stripped = text.strip()
        assert not stripped or stripped not in mask(text), text


def test_at_least_half_of_a_local_part_is_hidden() -> None:
    for local in texts("abcdefgh.+"):
        masked = mask_email(f"{local}@example.com")
        shown = masked.removesuffix("***@example.com")
        assert masked.endswith("***@example.com")
        assert len(shown) <= (len(local) // 2 if len(local) >= 4 else 0)


def test_no_digit_of_an_address_is_shown() -> None:
    for text in texts("北京市朝阳区长安路0123456789号AB "):
        assert not any(character.isdigit() for character in mask_address(text))
