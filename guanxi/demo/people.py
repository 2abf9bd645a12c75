"""Invented people and firms: names from common parts, document numbers of districts that do not exist.

Each is made of the seed and their place alone: a larger bank of the same seed begins with the same customers.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰萍红鹏辉婷宇欣浩"
CITIES = ("北京", "上海", "深圳", "成都")
TRADES = ("商贸", "科技", "餐饮", "物流", "建材", "纺织", "机电", "文化")
FIRST = ("华", "信", "恒", "嘉", "瑞", "同", "安", "鼎")
SECOND = ("达", "源", "盛", "诚", "丰", "和", "通", "泰")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
NOWHERE = 119_999
"""Passes every check as far as the province; districts from 119900 on are on no map (GB/T 2260)."""
IN_A_DISTRICT = 1000
DISTRICTS, APART = 100, 37
"""So many districts there are, and so far apart those of two seeds begin."""
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100."""
FIRM_EVERY = 12
FIRMS_APART = 10_000_019
"""So far apart begin the firms of two seeds: no bank is as large, and seeds that meet are 80,000 apart."""


@dataclass(frozen=True)
class Person:
    """`document` is a resident ID number, or a firm's unified social credit code."""

    name: str
    kind: str
    document_type: str
    document: str
    phone: str


def people(seed: int, count: int) -> list[Person]:
    return [person(seed, place) for place in range(count)]


def person(seed: int, place: int) -> Person:
    chance = random.Random(f"{seed} person {place}")  # noqa: S311 - a demo that repeats, no secret
    # Numbers that begin with 1990000 belong to nobody the demo means.
    phone = f"1990000{place % 10_000:04d}"
    if place % FIRM_EVERY == FIRM_EVERY - 1:
        name = f"{chance.choice(CITIES)}{chance.choice(FIRST)}{chance.choice(SECOND)}{chance.choice(TRADES)}有限公司"
        return Person(name, "organisation", "uscc", credit_code(seed, place), phone)
    name = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2, 2))))
    born = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))
    return Person(name, "person", "resident_id", resident_id(seed, born, place), phone)


def resident_id(seed: int, born: date, place: int) -> str:
    """GB 11643: district, birth date, sequence, check digit. No two places of one seed have the same."""
    district = NOWHERE - (place // IN_A_DISTRICT + APART * seed) % DISTRICTS
    digits = f"{district}{born:%Y%m%d}{place % IN_A_DISTRICT:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def credit_code(seed: int, place: int) -> str:
    """GB 32100: authority, kind, district, organisation code with its own check digit (GB 11714), check digit."""
    body = _symbols((seed * FIRMS_APART + place) % len(ALPHABET) ** 8)
    weighted = zip((3, 7, 9, 10, 5, 8, 4, 2), body, strict=True)
    own = -sum(weight * int(symbol, 36) for weight, symbol in weighted) % 11
    code = f"91{NOWHERE}{body}{'X' if own == 10 else own}"  # noqa: PLR2004 - a check digit of ten is written X
    total = sum(3**place_ * ALPHABET.index(symbol) for place_, symbol in enumerate(code))
    return code + ALPHABET[-total % len(ALPHABET)]


def _symbols(number: int) -> str:
    """A number as eight symbols."""
    found = ""
    for _ in range(8):
        number, rest = divmod(number, len(ALPHABET))
        found = ALPHABET[rest] + found
    return found
