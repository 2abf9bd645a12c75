"""Logins: how somebody signs in, as `issuer subject`. Neither holds a space, so the two are one word each."""

from datetime import datetime

from libs.common.domain import InvalidValue, NotFound


def login_of(issuer: str, subject: str) -> str:
    """One login.

    Raises:
        InvalidValue: naming the field that is empty or holds a space.
    """
    for field, value in (("issuer", issuer), ("subject", subject)):
        if not value or any(character.isspace() for character in value):
            raise InvalidValue(field, "A login is an issuer and a subject, without spaces.")
    return f"{issuer} {subject}"


class SignsIn:
    """An aggregate that somebody acts as, by signing in."""

    logins: list[str]

    def bind_login(self, login: str, *, at: datetime) -> None:
        """Let whoever signs in as `issuer subject` act as this one; once more changes nothing but the version."""
        self.logins = self.logins if login in self.logins else [*self.logins, login]
        self._updated("logins", at=at)

    def unbind_login(self, login: str, *, at: datetime) -> None:
        if login not in self.logins:
            raise NotFound.thing("login")
        self.logins = [known for known in self.logins if known != login]
        self._updated("logins", at=at)

    def _updated(self, what: str, *, at: datetime) -> None:
        """Records the aggregate's own event: only it knows which."""
        raise NotImplementedError
