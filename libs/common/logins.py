"""Logins: how somebody signs in, as `issuer subject`. Neither holds a space, so the two are one word each."""

from libs.common.domain import InvalidValue


def login_of(issuer: str, subject: str) -> str:
    """One login.

    Raises:
        InvalidValue: naming the field that is empty or holds a space.
    """
    for field, value in (("issuer", issuer), ("subject", subject)):
        if not value or any(character.isspace() for character in value):
            raise InvalidValue(field, "A login is an issuer and a subject, without spaces.")
    return f"{issuer} {subject}"


def bound(logins: list[str], login: str) -> list[str]:
    """The logins with one more; the same list where it is bound already."""
    return logins if login in logins else [*logins, login]
