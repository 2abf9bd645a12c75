"""Settings of every app, read from the environment (`GUANXI_…`) once, at start."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qs, urlsplit

from limits import parse
from pydantic import AfterValidator, BaseModel, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Mode(StrEnum):
    PRODUCTION = "production"
    DEVELOPMENT = "development"


ASYMMETRIC = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
"""What an issuer may sign with: whoever can verify could not have signed (RFC 8725 3.1)."""


class Issuer(BaseModel):
    """Who signs tokens: its name as in `iss`, its algorithms, and the roles that it may name; None are all.

    Its public keys stand in a file, or the issuer tells them itself (OpenID Connect Discovery 1.0).
    A partner is known by its subject alone, so that in production one issuer names partners.
    """

    issuer: str
    jwks_file: Path | None = None
    algorithms: list[str] = ["RS256"]
    local: bool = False
    roles: list[str] | None = None

    @field_validator("algorithms")
    @classmethod
    def are_asymmetric(cls, named: list[str]) -> list[str]:
        if not named or (wrong := set(named) - ASYMMETRIC):
            raise ValueError(f"not to be trusted: {', '.join(sorted(wrong))}" if named else "name one at least")
        return named


def _can_be_read(limits: dict[str, str]) -> dict[str, str]:
    for kind, told in limits.items():
        try:
            parse(told)
        except ValueError:
            raise ValueError(f"{kind}: {told!r} is no limit; write one as `1200/minute`") from None
    return limits


Limits = Annotated[dict[str, str], AfterValidator(_can_be_read)]
"""How many requests of a kind one caller may send: `{"read": "1200/minute"}`."""


SECRETS = Path("/run/secrets/guanxi")
"""Where a container has its secrets: a file for each setting, by its name, such as GUANXI_DATABASE_URL."""
SECRETS_FOLDER = SECRETS if SECRETS.is_dir() else None


class KmsSettings(BaseSettings):
    """Who keeps the keys of key rings, where their files do not: a transit engine, and a file with a token for it."""

    model_config = SettingsConfigDict(env_prefix="GUANXI_", env_file=None, extra="ignore", secrets_dir=SECRETS_FOLDER)

    kms_url: str | None = None
    kms_key: str = "guanxi"
    kms_token: Path | None = None
    tls_authorities: Path | None = None

    @model_validator(mode="after")
    def kms_is_whole(self) -> Self:
        if (self.kms_url is None) != (self.kms_token is None):
            raise ValueError("GUANXI_KMS_URL and GUANXI_KMS_TOKEN go together")
        return self


class Settings(KmsSettings):
    """What an app needs. Every field is an environment variable: `port` is GUANXI_PORT."""

    mode: Mode = Mode.PRODUCTION
    service: str = ""
    host: str = "127.0.0.1"
    public_port: int = 8000
    internal_port: int = 8001
    management_port: int = 8002
    shared_ports: bool = False
    """Whether several processes of this app listen on the same public and internal port, and the system deals."""
    proxies: tuple[IPvAnyNetwork, ...] = ()
    """Whoever stands before this app and is believed when they say, in X-Forwarded-For, for whom they ask."""

    database_url: SecretStr
    database_pool: int = 10
    kafka: str = "127.0.0.1:9092"
    kafka_tls: bool = False
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None

    tls_certificate: Path | None = None
    tls_key: Path | None = None

    issuers: list[Issuer] = Field(min_length=1)
    issuer_ask_again: float = 15.0
    """Seconds before an issuer is asked for its keys again, whatever key ids strangers make up."""
    issuer_fresh: float = 600.0
    """Seconds after which an issuer is asked anew, since it may have withdrawn a key."""
    issuer_oldest: float = 86_400.0
    """Seconds that its keys are believed while it does not answer."""
    audience: str = "guanxi"
    token_max_age: int = 600
    step_up_acr: list[str] = ["2"]
    step_up_seconds: int = 300
    keyring: Path
    shared_keyring: Path

    authz_max_age: int = 300
    caller_max_age: int = 30
    section_stale_after: int = 60
    consistency_wait: float = 2.0
    limits: Limits = {}
    largest_body: int = 1024 * 1024
    body_seconds: float = 20.0
    log_level: str = "INFO"
    otlp_endpoint: str | None = None
    """A collector of OpenTelemetry, as http://collector:4318. Without it, no span is told to anybody."""
    trace_share: float = Field(default=0.01, ge=0, le=1)
    """Of how many requests spans are told."""

    @model_validator(mode="after")
    def production_is_strict(self) -> Self:
        """Production refuses what only a developer's machine may do."""
        if self.mode is Mode.PRODUCTION:
            wrong = list(self._unfit_for_production())
            if wrong:
                raise ValueError("not fit for production: " + "; ".join(wrong))
        return self

    @property
    def dsn(self) -> str:
        """The database's address for asyncpg itself."""
        return self.database_url.get_secret_value()

    def _unfit_for_production(self) -> list[str]:
        found = [f"issuer {i.issuer} is local" for i in self.issuers if i.local]
        found += [f"issuer {i.issuer} is not https" for i in self.issuers if urlsplit(i.issuer).scheme != "https"]
        if sum(i.roles is None or "partner" in i.roles for i in self.issuers) > 1:
            found.append("several issuers may name partners: give each its roles")
        if parse_qs(urlsplit(self.dsn).query).get("sslmode") != ["verify-full"]:
            found.append("GUANXI_DATABASE_URL lacks sslmode=verify-full")
        if not self.kafka_tls:
            found.append("GUANXI_KAFKA_TLS is off")
        if self.kafka_user is None or self.kafka_password is None:
            found.append("GUANXI_KAFKA_USER and GUANXI_KAFKA_PASSWORD are not set")
        if self.kms_url is not None and urlsplit(self.kms_url).scheme != "https":
            found.append("GUANXI_KMS_URL is not https")
        if not (self.tls_certificate and self.tls_key):
            found.append("GUANXI_TLS_CERTIFICATE and GUANXI_TLS_KEY are not set")
        return found
