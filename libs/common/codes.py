"""Codes that people type and events carry: short words of a closed list somewhere, never personal data."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# Five digits in a row may be a number that belongs to somebody.
_NUMBER = re.compile(r"\d[\s-]*\d[\s-]*\d[\s-]*\d[\s-]*\d")


def has_number(text: str) -> bool:
    """True where a text holds what may be somebody's number."""
    return _NUMBER.search(text) is not None


def _without_numbers(code: str) -> str:
    if has_number(code):
        raise ValueError("a code has at most four digits in a row: numbers of people and accounts do not belong here")
    return code


Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.-]+$"),
    AfterValidator(_without_numbers),
]
"""Such as `service_attitude`, or 99/9's `99.9`."""

ProductCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[\w.()\uFF08\uFF09·-]+$"),
    AfterValidator(_without_numbers),
]
"""A product as the bank calls it, in any script, in one word: `活期存款`."""
