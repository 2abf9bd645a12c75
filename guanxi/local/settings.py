"""Where the local stack lives and listens. Every field is an environment variable: GUANXI_HOME, GUANXI_BASE_PORT."""

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

APPS = ("customer", "manager", "marketing", "complaints", "scoring", "gateway")
"""In the order of their ports, ten apart; the gateway has the first ones."""

CONTAINERS = "testcontainers"
"""In the place of an address: servers in containers."""

ROOT = Path(__file__).resolve().parents[2]


class LocalSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GUANXI_", extra="ignore", populate_by_name=True)

    home: Path = ROOT / ".local"
    host: str = "127.0.0.1"
    base_port: int = 8000
    postgres_port: int = 15432
    kafka_port: int = 19092
    kafka_controller_port: int = 19093
    broker: str | None = Field(default=None, validation_alias=AliasChoices("GUANXI_BROKER", "BROKER"))
    """A Kafka that is there already, as host:port; or `testcontainers`."""
    postgres: str | None = Field(default=None, validation_alias=AliasChoices("GUANXI_POSTGRES", "POSTGRES"))
    """A PostgreSQL that is there already, by the address of its administrator; or `testcontainers`."""
    demo_customers: int = 2_000
    """How many the demo bank has that `guanxi up` loads at the first start."""
    pg_bindir: Path | None = None
    maven_repository: str | None = None
    jar_cache: Path | None = None
    limits: dict[str, str] = {
        "read": "60000/minute", "command": "60000/minute", "batch": "6000/minute",
        "reveal": "600/minute", "open": "6000/minute", "stream": "6000/minute",
    }  # fmt: skip
    """What one caller may ask of the gateway: far more than in production, since here few logins do all the work."""
    most_streams_of_one: int = 2000
    webhook_networks: list[str] = ["127.0.0.0/8"]
    """Where a partner's endpoint may listen although it is not public: on this machine, to try it."""
    otlp_endpoint: str | None = None
    """A collector of OpenTelemetry, where traces go."""
    trace_share: float = 0.01
    authz_max_age: int = 300
    caller_max_age: int = 30

    def port(self, app: str) -> int:
        """The first of an app's: public, internal, management, then the management of each further process."""
        place = 0 if app == "gateway" else APPS.index(app) + 1
        return self.base_port + 10 * place

    def address(self, app: str, offset: int = 0) -> str:
        return f"http://{self.host}:{self.port(app) + offset}"

    @property
    def kafka_address(self) -> str:
        given = self.broker not in (None, CONTAINERS)
        return str(self.broker) if given else f"{self.host}:{self.kafka_port}"

    @property
    def gateway(self) -> str:
        return self.address("gateway")


def package_of(app: str) -> str:
    return app if app == "gateway" else f"services.{app}"
