from libs.common.settings import Settings


def load() -> Settings:
    return Settings(service="marketing")
