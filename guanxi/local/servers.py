"""Which PostgreSQL and which Kafka a stack uses: from the packages, there already, or in containers."""

from guanxi.local.containers import ContainerKafka, ContainerPostgres
from guanxi.local.given import GivenKafka, GivenPostgres
from guanxi.local.kafka import LocalKafka
from guanxi.local.postgres import LocalPostgres
from guanxi.local.settings import CONTAINERS, LocalSettings


def kafka_of(settings: LocalSettings) -> LocalKafka | GivenKafka:
    if settings.broker == CONTAINERS:
        return ContainerKafka(settings.host, settings.kafka_port)
    if settings.broker is not None:
        return GivenKafka(settings.broker)
    return LocalKafka(
        settings.home / "kafka",
        host=settings.host,
        port=settings.kafka_port,
        controller_port=settings.kafka_controller_port,
        cache=settings.jar_cache or settings.home / "cache",
        repository=settings.maven_repository,
    )


def postgres_of(settings: LocalSettings) -> LocalPostgres | GivenPostgres:
    if settings.postgres == CONTAINERS:
        return ContainerPostgres(settings.host, settings.postgres_port)
    if settings.postgres is not None:
        return GivenPostgres(settings.postgres)
    home = settings.home / "postgres"
    return LocalPostgres(home, host=settings.host, port=settings.postgres_port, bindir=settings.pg_bindir)
