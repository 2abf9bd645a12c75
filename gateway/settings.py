from urllib.parse import urlsplit

from pydantic import BaseModel

from libs.common.settings import Settings


class Upstream(BaseModel):
    """Where a service listens: its public port, its internal port, its management port."""

    public: str
    internal: str
    management: str


class GatewaySettings(Settings):
    upstreams: dict[str, Upstream]
    upstream_timeout: float = 30.0
    live_timeout: float = 1.0
    audit_strangers_per_day: int = 50
    cors_origins: tuple[str, ...] = ()
    """Web consoles that may call from a browser, such as `https://console.bank.example`; none by default."""

    def _unfit_for_production(self) -> list[str]:
        addresses = [address for upstream in self.upstreams.values() for address in upstream.model_dump().values()]
        plain = [f"upstream {address} is not https" for address in addresses if urlsplit(address).scheme != "https"]
        return super()._unfit_for_production() + plain


def load() -> GatewaySettings:
    return GatewaySettings(service="gateway")
