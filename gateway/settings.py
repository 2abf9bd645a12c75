from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, IPvAnyNetwork, field_validator

from libs.common.settings import Limits, Settings


class Upstream(BaseModel):
    """Where a service listens: its public port, its internal port, its management port."""

    public: str
    internal: str
    management: str


LIMITS = {
    "read": "1200/minute",
    "command": "300/minute",
    "batch": "60/minute",
    "reveal": "30/minute",
    "stream": "60/minute",
    "open": "300/minute",
}
"""What one caller may ask. `open` needs no sign-in and counts by address; everything else counts by login."""


class GatewaySettings(Settings):
    upstreams: dict[str, Upstream]
    upstream_timeout: float = 5.0
    upstream_connections: int = 64
    """Requests that wait for one service at a time; more are refused at once, with 503."""
    live_timeout: float = 1.0
    limits: Limits = Field(default=LIMITS, validate_default=True)
    """Kinds that are not named keep what they have by default."""
    most_webhooks_of_one: int = 10
    webhook_timeout: float = 10.0
    webhook_back_off: tuple[float, ...] = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)
    """Seconds between the tries of a message that is not taken; there is one try more."""
    webhook_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that partners' endpoints may stand in although they are not public: a private line, or a test's."""
    most_streams: int = 2000
    most_streams_of_one: int = 10
    """Streams that may be open at a time in each process: of all callers, and of one."""
    limits_shared: bool = False
    """Count in the gateway's database, over all its replicas, and not in each process."""
    audit_strangers_per_day: int = 50
    cors_origins: tuple[str, ...] = ()
    """Web consoles that may call from a browser, such as `https://console.bank.example`; none by default."""

    @field_validator("limits")
    @classmethod
    def of_known_kinds(cls, told: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(told.keys() - LIMITS.keys()):
            raise ValueError(f"unknown: {', '.join(unknown)}; kinds are: {', '.join(LIMITS)}")
        return {**LIMITS, **told}

    def _unfit_for_production(self) -> list[str]:
        addresses = [address for upstream in self.upstreams.values() for address in upstream.model_dump().values()]
        plain = [f"upstream {address} is not https" for address in addresses if urlsplit(address).scheme != "https"]
        own = [f"webhook network {n} is this machine's own" for n in self.webhook_networks if _is_own(n)]
        return super()._unfit_for_production() + plain + own


def _is_own(network: IPv4Network | IPv6Network) -> bool:
    """Whether messages could get to what runs beside the gateway, or to a cloud's own services."""
    own = [ip_network(name) for name in ("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10")]
    return any(network.version == each.version and network.overlaps(each) for each in own)


def load() -> GatewaySettings:
    return GatewaySettings(service="gateway")
