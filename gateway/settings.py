from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

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
        return super()._unfit_for_production() + plain


def load() -> GatewaySettings:
    return GatewaySettings(service="gateway")
