"""Names as people type them in a search box: a gram index finds one- and two-character Chinese names as well."""

import unicodedata


def fold(name: str) -> str:
    """Full-width to half-width, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def grams(folded: str) -> list[str]:
    """Every one- and two-character piece of a folded name; a match of all is then checked letter by letter."""
    pieces = {folded[i : i + n] for n in (1, 2) for i in range(len(folded) - n + 1)}
    return sorted(pieces)
