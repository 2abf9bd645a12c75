"""What may be shown of personal data without a reveal. The same mask stands in lists, details and exports."""

import re

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SPACES_AND_HYPHENS = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_DIGIT = re.compile(r"\d")
_CN_MOBILE = re.compile(r"\+861[3-9]\d{9}", re.ASCII)
_CARD = re.compile(r"\d{16,19}", re.ASCII)
# Up to the first district, county or banner. The region's own name may end like one (自治区, 特别行政区);
# a compound, a campus or a street never counts as a district.
_DISTRICT = re.compile(
    r"(?:.{2,6}?(?:自治区|特别行政区))?[^路街道巷弄镇乡村号\dA-Za-z]*?(?<![小社园校厂院库景住宅])[区县旗]"
)
_LONGEST_REGION = 24  # no province, prefecture and district take more characters together
_SHOWN_OF_ADDRESS = 6


def mask_name(name: str) -> str:
    """张伟明 → 张*明, 张伟 → 张*, John Smith → J* S*. A name of one character is hidden."""
    words = name.split()
    if not _HAN.search(name):
        return " ".join(word[:1] + "*" if len(word) > 1 else "*" for word in words)
    joined = "".join(words)
    if len(joined) <= 2:  # noqa: PLR2004 - a family name and one given character
        return joined[: len(joined) - 1] + "*"
    return _hide(joined, first=1, last=1)


def mask_phone(number: str) -> str:
    """+8613812345678 → 138****5678. Of any other number the last four digits, at most half, are shown."""
    compact = _compact(number)
    if _CN_MOBILE.fullmatch(compact):
        return f"{compact[3:6]}****{compact[-4:]}"
    return _show_last(compact)


def mask_document(number: str) -> str:
    """The first three and last four characters; of fewer than 14 the first and the last."""
    compact = _compact(number)
    if len(compact) < 2 * (3 + 4):
        return _hide(compact, first=1, last=1) if len(compact) > 3 else "*" * len(compact)  # noqa: PLR2004
    return _hide(compact, first=3, last=4)


def mask_card(number: str) -> str:
    """6222021234561234 → 6222 **** **** 1234, the same shape for 16 to 19 digits; else as an account."""
    compact = _compact(number)
    return f"{compact[:4]} **** **** {compact[-4:]}" if _CARD.fullmatch(compact) else _show_last(compact)


def mask_account(number: str) -> str:
    """The last four characters, at most half of them."""
    return _show_last(_compact(number))


def mask_email(address: str) -> str:
    """anna@b.com → a***@b.com. The domain stays; a local part of one to three characters is hidden."""
    local, _, domain = address.strip().rpartition("@")
    if not (local and domain):
        return "***" if address.strip() else ""
    return f"{local[:1] if len(local) > 3 else ''}***@{domain}"  # noqa: PLR2004


def mask_address(address: str) -> str:
    """上海市浦东新区世纪大道100号 → 上海市浦东新区***; without a district six characters, at most half.

    The district may be more than half of a short address; the street never shows, nor any digit.
    """
    text = address.strip()
    found = _DISTRICT.match(text, endpos=_LONGEST_REGION)
    if found and found.end() < len(text):
        return found.group() + "***"
    shown = _DIGIT.sub("*", text[: min(_SHOWN_OF_ADDRESS, _shown_at_most(text, len(text)))])
    return shown + "***" if text else ""


def _compact(text: str) -> str:
    return _SPACES_AND_HYPHENS.sub("", text)


def _shown_at_most(text: str, wanted: int) -> int:
    """How many characters may stay: at most half, and none of one to three."""
    return min(wanted, len(text) // 2) if len(text) > 3 else 0  # noqa: PLR2004


def _show_last(text: str) -> str:
    return _hide(text, first=0, last=_shown_at_most(text, 4))


def _hide(text: str, *, first: int, last: int) -> str:
    hidden = len(text) - first - last
    return text[:first] + "*" * hidden + text[len(text) - last :]
