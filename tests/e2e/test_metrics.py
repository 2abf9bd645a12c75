"""The dashboard and the alerts ask for metrics that the apps really have, by labels that these have; and for all."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import httpx
import promql_parser as promql
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from gateway.webhooks import intake
from gateway.webhooks.storage import QUEUES as WEBHOOKS
from guanxi.local.settings import APPS
from guanxi.local.stack import SERVICES, Stack
from libs.common import metrics
from libs.common import topics as topics_of
from libs.common.queues import AUDIT, EVENTS
from tests.conftest import ROOT
from tests.polling import until

pytestmark = pytest.mark.e2e

FOLDER = ROOT / "deploy" / "observability"
GIVEN = {"job", "instance", "le"}
"""Labels that whoever scrapes adds, and that of a histogram's buckets."""
OURS = "guanxi_"
OF_OTHERS = {"up", "kube_job_status_failed"}
"""Of Prometheus itself, and of kube-state-metrics."""
OF_EACH_PROCESS = {"process_resident_memory_bytes", "process_open_fds"}
"""Which Prometheus' own client tells."""
ASK_OTHERS = {"GuanxiProcessAway", "GuanxiAppGone", "GuanxiJobFailed"}


@dataclass(frozen=True)
class Query:
    """A PromQL expression: which metrics it reads, and by which labels."""

    metrics: frozenset[str]
    labels: frozenset[str]

    @classmethod
    def of(cls, expression: str) -> "Query":
        found = list(_parts(promql.parse(expression.replace("$__rate_interval", "5m"))))
        selectors = [part for part in found if isinstance(part, promql.VectorSelector)]
        labels = {matcher.name for selector in selectors for matcher in selector.matchers.matchers}
        for part in found:
            if isinstance(part, promql.AggregateExpr) and part.modifier is not None:
                labels |= set(part.modifier.labels)
        return cls(frozenset(selector.name for selector in selectors), frozenset(labels))


def _parts(expression: Any) -> Iterator[Any]:
    yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (part := getattr(expression, name, None)) is not None:
            yield from _parts(part)
    for part in getattr(expression, "args", None) or ():
        yield from _parts(part)


def alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return [rule for group in rules["groups"] for rule in group["rules"]]


def asked() -> dict[str, Query]:
    """Panels and alerts by name."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    told = {f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel["targets"]}
    return {name: Query.of(text) for name, text in {**told, **{a["alert"]: a["expr"] for a in alerts()}}.items()}


def known_labels() -> dict[str, set[str]]:
    """Metric, as Prometheus names what it makes of it → its labels."""
    found: dict[str, set[str]] = {}
    for made in [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]:
        for family in made.describe():
            endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
            found |= {f"{family.name}{ending}": set(made._labelnames) for ending in endings}
    return found


async def families(stack: Stack) -> dict[str, str]:
    """Metric family → its type, of every app as it is scraped."""
    async with httpx.AsyncClient() as client:
        texts = [(await client.get(f"{stack.settings.address(app, 2)}/metrics")).text for app in APPS]
    found = [family for text in texts for family in text_string_to_metric_families(text)]
    return {family.name: family.type for family in found if family.name.startswith(OURS)}


async def test_every_query_reads_metrics_that_exist_by_labels_that_they_have(stack: Stack) -> None:
    exist, labels = await families(stack), known_labels()
    for name, query in asked().items():
        assert {metric for metric in query.metrics if not metric.startswith(OURS)} <= OF_OTHERS | OF_EACH_PROCESS, name
        assert query.metrics - OF_OTHERS or name in ASK_OTHERS, name
        for metric in filter(lambda metric: metric.startswith(OURS), query.metrics):
            family = re.sub("_(total|bucket|count|sum)$", "", metric)
            assert family in exist, f"{name}: no app has {metric}"
            assert metric in labels, f"{name}: {metric} is none of a {exist[family]}"
            assert query.labels - GIVEN <= labels[metric], f"{name}: {metric} has no {query.labels - labels[metric]}"


def test_every_metric_of_ours_is_shown() -> None:
    shown = {metric for query in asked().values() for metric in query.metrics if metric.startswith(OURS)}
    told = {re.sub("_(total|bucket|count|sum)$", "", metric) for metric in shown}
    assert {re.sub("_(total|bucket|count|sum)$", "", metric) for metric in known_labels()} == told


def test_what_operators_must_hear_of_is_told() -> None:
    assert {
        "GuanxiErrorsBurnFast",
        "GuanxiErrorsBurnSlow",
        "GuanxiJobFailed",
        "GuanxiQueueWaits",
        "GuanxiRoundLasts",
        "GuanxiEventsNotHeard",
        "GuanxiCopyStale",
    } <= {a["alert"] for a in alerts()}


def test_every_queue_has_an_alert_and_each_alert_names_queues_that_exist() -> None:
    queues = {**AUDIT, **EVENTS, **WEBHOOKS}
    for app in SERVICES:
        queues |= import_module(f"services.{app}.storage.queues").QUEUES
    named = [re.search('queue(=|=~|!~)"([a-z_|]+)"', alert["expr"]) for alert in alerts()]
    left_out, *chosen = sorted((said[1] != "!~", set(said[2].split("|"))) for said in named if said)
    assert left_out[0] is False
    assert left_out[1] == set().union(*[names for _, names in chosen])
    assert left_out[1] <= set(queues)


def test_an_app_of_which_nothing_runs_is_missed() -> None:
    (gone,) = (alert["expr"] for alert in alerts() if alert["alert"] == "GuanxiAppGone")
    assert sorted(re.findall('absent.up.job="([a-z]+)"', gone)) == sorted(APPS)


def test_every_alert_says_what_to_do() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    headings = {re.sub("[^a-z0-9 -]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
                for line in runbook.splitlines() if line.startswith("#")}  # fmt: skip
    for alert in alerts():
        assert alert["annotations"]["summary"]
        page, _, place = alert["annotations"]["runbook"].partition("#")
        assert page == "docs/runbook.md"
        assert place in headings, f"{alert['alert']}: the runbook has no {place}"
        assert alert["labels"]["severity"] in ("warning", "critical")


async def test_every_queue_tells_how_much_waits_and_since_when(stack: Stack) -> None:
    async with httpx.AsyncClient() as client:

        async def measured(app: str, *queues: str) -> bool:
            text = (await client.get(f"{stack.settings.address(app, 2)}/metrics")).text
            told = [
                f'guanxi_queue_{figure}{{queue="{name}"}}' for name in queues for figure in ("depth", "age_seconds")
            ]
            return all(each in text for each in told)

        for app in SERVICES:
            own = import_module(f"services.{app}.storage.queues").QUEUES
            await until(lambda app=app, own=own: measured(app, *AUDIT, *EVENTS, *own))
        await until(lambda: measured("gateway", *AUDIT, *WEBHOOKS))

        async def ages() -> bool:
            text = (await client.get(f"{stack.settings.address('gateway', 2)}/metrics")).text
            topics = (topics_of.AUDIT.name, *intake.TOPICS)
            return all(f'guanxi_consumer_age_seconds{{topic="{topic}"}}' in text for topic in topics)

        await until(ages)
