"""`guanxi doctor`: what runs, what lags, what is missing, and what to do about it."""

import asyncio
import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from guanxi.examination.apps import examine_apps
from guanxi.examination.databases import examine_databases
from guanxi.examination.finding import Finding
from guanxi.examination.servers import examine_kafka, examine_postgres
from guanxi.local.settings import LocalSettings


async def examine(settings: LocalSettings) -> list[Finding]:
    """Look at everything, side by side; changes nothing. What PostgreSQL does not answer, databases are not asked."""
    postgres, kafka, apps = await asyncio.gather(
        examine_postgres(settings), examine_kafka(settings), examine_apps(settings)
    )
    databases = await examine_databases(settings) if postgres.well else []
    return [postgres, *kafka, *apps, *databases]


def as_json(findings: list[Finding]) -> str:
    """`{"well": bool, "findings": [{"subject", "well", "says", "advice"}]}`."""
    document = {"well": all_well(findings), "findings": [asdict(finding) for finding in findings]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def show(findings: list[Finding], console: Console) -> None:
    table = Table("")
    for title in ("what", "is", "what to do"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        mark = "[green]✓[/green]" if finding.well else "[red]✗[/red]"
        table.add_row(mark, finding.subject, finding.says, finding.advice)
    console.print(table)
    wrong = sum(not finding.well for finding in findings)
    console.print(f"{wrong} of {len(findings)} things are wrong." if wrong else "All is well.")


def all_well(findings: list[Finding]) -> bool:
    return all(finding.well for finding in findings)
