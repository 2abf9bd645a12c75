from libs.common.settings import Settings


class ManagerSettings(Settings):
    """`first_admin` is `issuer subject`: who may administer while nobody is hired."""

    first_admin: str | None = None


def load() -> ManagerSettings:
    return ManagerSettings(service="manager")
