"""`guanxi topics`: what the contracts declare, applied to a cluster or rendered for one."""

import asyncio
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from guanxi.cluster.connection import Cluster, ClusterAway
from guanxi.cluster.rendering import render
from guanxi.cluster.rights import apply_rights, set_passwords
from guanxi.cluster.topics import apply_topics
from guanxi.local.failures import LocalFailure
from libs.contracts.principals import Rights, all_rights

topics = typer.Typer(no_args_is_help=True, help="Kafka topics and rights as the contracts declare them.")

Partners = Annotated[
    Path | None,
    typer.Option(help="TOML: [partners.<name>] topics = [event topics that the partner may read]."),
]
Partitions = Annotated[int, typer.Option(min=1)]
Replication = Annotated[int, typer.Option(min=1)]


@topics.command("apply")
def apply(
    kafka: Annotated[str, typer.Option(help="host:port of a broker; GUANXI_KAFKA by default.")] = "",
    partitions: Partitions = 4,
    replication: Replication = 1,
    *,
    rights: Annotated[bool, typer.Option(help="Grant every principal its rights; for a secured cluster.")] = False,
    partners: Partners = None,
    passwords: Annotated[
        Path | None, typer.Option(help="TOML: principal = password, where the cluster's operator makes none.")
    ] = None,
) -> None:
    """Create missing topics, bring the others in line, and with --rights say who may write and read them.

    A secured cluster is reached by GUANXI_KAFKA_TLS, GUANXI_TLS_AUTHORITIES, GUANXI_KAFKA_USER, GUANXI_KAFKA_PASSWORD.
    """
    declared = _declared(partners) if rights else []
    secrets = {str(name): str(told) for name, told in _toml(passwords).items()}
    cluster = Cluster(kafka=kafka) if kafka else Cluster()

    async def applied() -> list[str]:
        done = await apply_topics(cluster, partitions=partitions, replication=replication)
        done += await set_passwords(cluster, secrets)
        return done + (await apply_rights(cluster, declared, partners=partners is not None) if declared else [])

    try:
        done = asyncio.run(applied())
    except ClusterAway as error:
        sentence = f"Kafka at {cluster.kafka} did not do it ({error}): start `guanxi up`, or set --kafka."
        raise LocalFailure(sentence, os.EX_UNAVAILABLE) from None
    typer.echo("\n".join(done) or "all topics are as declared")


@topics.command("render")
def rendered(
    cluster: Annotated[str, typer.Option(help="Name of Strimzi's Kafka resource.")] = "guanxi",
    partitions: Partitions = 12,
    replication: Replication = 3,
    partners: Partners = None,
) -> None:
    """Print the same as KafkaTopic and KafkaUser resources: `guanxi topics render | kubectl apply -f -`."""
    typer.echo(render(cluster, _declared(partners), partitions=partitions, replication=replication))


def _declared(partners: Path | None) -> Sequence[Rights]:
    named = _toml(partners).get("partners", {})
    try:
        return all_rights({name: told["topics"] for name, told in named.items()})
    except (KeyError, TypeError):
        raise typer.BadParameter('each partner needs its topics: [partners.acme] topics = ["..."]') from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read as TOML: {error}") from None
