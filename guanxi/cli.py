"""The command line `guanxi`."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guanxi.app_database import known
from guanxi.audit_trails import audit
from guanxi.client import Refused
from guanxi.cluster.command import topics
from guanxi.databases import database
from guanxi.dead_letters import dlq
from guanxi.importers.command import imports
from guanxi.keys import keys
from guanxi.local.failures import LocalFailure
from guanxi.local.issuer import LocalIssuer
from guanxi.local.settings import APPS, LocalSettings, package_of
from guanxi.local.stack import SERVICES, Stack
from guanxi.replay import replay
from guanxi.sections import sections
from libs.directory.permissions import PERMISSIONS

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Guanxi: customer relationships for banks.",
)
cli.add_typer(topics, name="topics")
cli.add_typer(audit, name="audit")
cli.add_typer(keys, name="keys")
cli.add_typer(sections, name="sections")
cli.add_typer(dlq, name="dlq")
cli.add_typer(imports, name="import")
cli.command()(replay)
cli.command()(database)


@cli.command()
def up(
    demo: Annotated[bool, typer.Option(help="Load the demo bank at the first start.")] = True,
    split: Annotated[bool, typer.Option(help="Apps and workers in processes of their own, as in production.")] = False,
    replicas: Annotated[int, typer.Option(min=1, max=4, help="With --split: so many of each.")] = 1,
) -> None:
    """Start PostgreSQL, Kafka, the services and the gateway; Ctrl-C stops all of it."""
    if replicas > 1 and not split:
        raise typer.BadParameter("several processes of an app are for --split", param_hint="--replicas")
    asyncio.run(_up(demo=demo, replicas=replicas if split else 0))


async def _up(*, demo: bool, replicas: int) -> None:
    console = Console()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stack = Stack(LocalSettings(), console, replicas=replicas)
    try:
        started = asyncio.create_task(_start(stack, demo=demo))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            started.result()
            await stopped
        else:
            started.cancel()
            await asyncio.gather(started, return_exceptions=True)
    finally:
        if stop.is_set():  # whoever asked for it; a failure says its own sentence
            console.print("stopping ...")
        await stack.stop()


async def _start(stack: Stack, *, demo: bool) -> None:
    await stack.start()
    console = stack.console
    console.print(
        f"\nGateway  [bold]{stack.settings.gateway}[/bold]\nAPI docs [bold]{stack.settings.gateway}/docs[/bold]"
    )
    if demo:
        from guanxi.demo.bank import ensure_demo  # noqa: PLC0415 - only where it is wanted

        example = await ensure_demo(stack.settings, stack.issuer, console)
        token = stack.issuer.token(example.subject, [example.role])
        whole = "whole" if example.whole else "not whole yet, `guanxi doctor` says why"
        console.print(
            f"\nA customer, {whole} (the token is good for 8 hours; `guanxi token` makes others):\n", soft_wrap=True
        )
        console.print(
            f"curl -s {stack.settings.gateway}/api/v1/customers/{example.customer_id}/360"
            f" -H 'Authorization: Bearer {token}'",
            soft_wrap=True,
            highlight=False,
        )
    console.print("\nCtrl-C stops everything.")


@cli.command("demo")
def load_demo(
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="How many persons and firms.")] = 2000,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same bank; a larger one begins alike.")
    ] = 20_260_101,
) -> None:
    """Load an invented bank into the running system: customers, accounts, bookings, complaints, campaigns.

    It enters through the REST API and the core's topics alone, and may be repeated: nothing is doubled.
    """
    from guanxi.client import require_running  # noqa: PLC0415 - only where it is wanted
    from guanxi.demo import bank  # noqa: PLC0415 - only where it is wanted

    settings = LocalSettings()

    async def load() -> None:
        await require_running(settings)
        await bank.load_demo(settings, LocalIssuer(settings.home / "keys"), Console(), customers=customers, seed=seed)

    asyncio.run(load())


@cli.command()
def rebuild(
    app: Annotated[str, typer.Argument(help=f"One of {', '.join(APPS)}.")],
    copy: Annotated[str, typer.Argument(help="`directory`, or `view` at the gateway.")],
) -> None:
    """Make a copy that an app of the local stack keeps of others' truth anew from its topics, while it serves.

    Elsewhere, in the app's own container: python -m libs.common.rebuild.
    """
    raise typer.Exit(_run_as(app, "libs.common.rebuild", copy))


@cli.command()
def reconcile(
    app: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
    mend: Annotated[
        bool, typer.Option("--mend", help="Raise versions above what was told, and publish all anew.")
    ] = False,
) -> None:
    """List what a service of the local stack told the world and its database does not hold, after a restore.

    Exit status 1 where there is any. Elsewhere, in the service's own container: python -m libs.common.reconciling.
    """
    if known(app) not in SERVICES:
        raise typer.BadParameter(f"{app} tells the world of no events; apps that do: {', '.join(SERVICES)}")
    raise typer.Exit(_run_as(app, "libs.common.reconciling", *(["--mend"] if mend else [])))


def _run_as(app: str, module: str, *arguments: str) -> int:
    """Run a command in the place of an app of the local stack, with all its settings; returns its exit status."""
    argv = [sys.executable, "-m", module, package_of(known(app)), *arguments]
    env = Stack(LocalSettings(), Console()).environment(app)
    return subprocess.run(argv, env=env, check=False).returncode  # noqa: S603 - ours


@cli.command()
def token(
    role: Annotated[list[str] | None, typer.Option(help="A role of a member of staff; may be repeated.")] = None,
    staff: Annotated[str | None, typer.Option(help="The subject of a member of staff's login.")] = None,
    customer: Annotated[str | None, typer.Option(help="The subject of a customer's login.")] = None,
    partner: Annotated[str | None, typer.Option(help="The name of a partner.")] = None,
    step_up: Annotated[bool, typer.Option(help="As after a stronger sign-in, good for five minutes.")] = False,
) -> None:
    """Print a token of the local issuer (development only)."""
    named = {"customer": customer, "partner": partner, "staff": staff}
    given = [(kind, subject) for kind, subject in named.items() if subject]
    if len(given) != 1:
        raise typer.BadParameter("name whom the token is for: one of --staff, --customer and --partner")
    ((kind, subject),) = given
    roles = role or ([kind] if kind in PERMISSIONS else [])
    if not roles:
        raise typer.BadParameter("a member of staff has at least one --role")
    if unknown := set(roles) - set(PERMISSIONS):
        raise typer.BadParameter(f"unknown: {', '.join(sorted(unknown))}; roles are: {', '.join(PERMISSIONS)}")
    typer.echo(LocalIssuer(LocalSettings().home / "keys").token(subject, roles, stepped_up=step_up))


@cli.command("cluster-secrets")
def cluster_secrets(
    folder: Annotated[Path | None, typer.Option(help="Write them as files instead, for compose.yaml.")] = None,
) -> None:
    """Print the secrets of a cluster for trying Guanxi out, for `kubectl apply -f -`; generated the first time.

    `guanxi token` makes tokens that this cluster believes.
    """
    import yaml  # noqa: PLC0415 - only where it is wanted

    from guanxi.local.cluster_secrets import ClusterSecrets  # noqa: PLC0415 - only where it is wanted

    secrets = ClusterSecrets(LocalSettings().home / "keys")
    secrets.ensure()
    if folder is None:
        typer.echo(yaml.safe_dump_all(secrets.resources(), sort_keys=False))
    else:
        secrets.write(folder)


@cli.command("cluster-release")
def cluster_release(
    release: Annotated[str, typer.Argument(help="Its name, such as 2026-11-28.")],
    images: Annotated[Path, typer.Option(help="A file of lines guanxi/<app>=<registry>/guanxi/<app>@sha256:….")],
    overlay: Annotated[Path, typer.Option(help="The bank's own.")] = Path("deploy/k8s/overlays/prod"),
    folder: Annotated[Path, typer.Option(help="Where they are written.")] = Path(".local/release"),
) -> None:
    """Write what a release applies: the folders topics, migrate and apps, for `kubectl apply --kustomize`.

    From a checkout of the version that is released.
    """
    from guanxi.cluster.release import NoRelease, read_images, write_release  # noqa: PLC0415 - only where it is wanted

    try:
        told = read_images(images.read_text().splitlines())
        write_release(release, told, manifests=Path("deploy/k8s"), overlay=overlay, to=folder)
    except (OSError, NoRelease) as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"written: {folder}/topics, {folder}/migrate, {folder}/apps")


@cli.command()
def migrate() -> None:
    """Bring every database up to date, whether the stack runs or not."""
    asyncio.run(Stack(LocalSettings(), Console()).migrate())
    typer.echo("every database is up to date")


@cli.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say what runs, what lags, what is missing and what to do; exit status 1 if anything is wrong."""
    from guanxi import doctor as doctors  # noqa: PLC0415 - only where it is wanted

    findings = asyncio.run(doctors.examine(LocalSettings()))
    if as_json:
        typer.echo(doctors.as_json(findings))
    else:
        doctors.show(findings, Console())
    raise typer.Exit(0 if doctors.all_well(findings) else 1)


def main() -> None:
    try:
        cli()
    except LocalFailure as failure:
        _say_why(str(failure))
        raise SystemExit(failure.exit_status) from None
    except Refused as refused:
        _say_why(f"The API refused: {refused}")
        raise SystemExit(os.EX_UNAVAILABLE) from None


def _say_why(sentence: str) -> None:
    Console(stderr=True).print(sentence, style="red", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
