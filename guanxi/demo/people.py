"""Invented people with a fixed seed: names from common parts, document numbers of districts that do not exist."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰萍红鹏辉婷宇欣浩"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
NOWHERE = "119999"
"""Passes every check as far as the province; the district exists on no map (GB/T 2260)."""


@dataclass(frozen=True)
class Person:
    name: str
    resident_id: str
    phone: str


def people(seed: int, count: int) -> list[Person]:
    chance = random.Random(seed)  # noqa: S311 - a demo that repeats, no secret
    return [_person(chance, place) for place in range(count)]


def _person(chance: random.Random, place: int) -> Person:
    name = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2, 2))))
    born = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))
    # Numbers that begin with 1990000 belong to nobody the demo means.
    return Person(name, _resident_id(born, place), f"1990000{place % 10_000:04d}")


def _resident_id(born: date, place: int) -> str:
    """GB 11643: district, birth date, sequence, check digit."""
    digits = f"{NOWHERE}{born:%Y%m%d}{place % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]
