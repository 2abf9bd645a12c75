"""deploy/k8s: it renders, it is valid, and every workload is as docs and operators want it, point by point."""

import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

from guanxi.cluster.rules import rules
from guanxi.local.settings import APPS, package_of
from libs.common.serve import GRACE_SECONDS
from libs.common.settings import SECRETS, Settings
from tests.conftest import ROOT
from tests.deploy.rendered import (
    BIN,
    COMPONENT,
    FOLDER,
    KUSTOMIZATIONS,
    NAME,
    PART_OF,
    VERSION,
    Resource,
    configured,
    container_of,
    deployments,
    labels_of,
    named,
    pod_of,
    resources,
    text_of,
    workloads,
)

VERSIONS = ("1.30", "1.34")
OF_OTHERS = {"PodMonitor", "PrometheusRule", "KafkaTopic", "KafkaUser"}
"""Kinds of operators, whose schemas are none of Kubernetes' own."""
LEAST_UID = 10_000
OTHER_CONNECTIONS = 10
"""Of one process at most, beside its pools: one each for audit, pulse, leader, duties, readers, whoever asks if it is ready."""
CONNECTIONS = 2 * Settings.model_fields["database_pool"].default + OTHER_CONNECTIONS
"""A pool of units of work, and as many again for hot reads."""
ALLOWED_CONNECTIONS = 400
"""`max_connections` that docs/README ask of each app's PostgreSQL."""


def settings_of(app: str) -> type[Settings]:
    """As its processes read them."""
    load = importlib.import_module(f"{package_of(app)}.settings").load
    kind: type[Settings] = get_type_hints(load)["return"]
    return kind


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_what_is_rendered_is_valid_and_strict(folder: str, version: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(text_of(folder))
    command = [BIN / "kubernetes-validate", "-k", version, "--strict", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    said = (ended.stdout + ended.stderr).splitlines()
    assert ended.returncode == 0, said
    unknown = [line for line in said if "Couldn't find schema" in line]
    assert all(any(f"kind {kind} " in line for kind in OF_OTHERS) for line in unknown), unknown


def test_a_misspelt_field_is_found(tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(text_of("base").replace("limits:", "limts:"))
    command = [BIN / "kubernetes-validate", "-k", VERSIONS[-1], "--strict", str(file)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0  # noqa: S603 - ours


def test_every_app_has_a_part_that_serves_and_one_that_works() -> None:
    parts = {(labels_of(each)[NAME], labels_of(each)[COMPONENT]) for each in deployments()}
    assert parts == {(app, part) for app in APPS for part in ("app", "worker")}
    for each in deployments():
        app, part = labels_of(each)[NAME], labels_of(each)[COMPONENT]
        config = dict(configured(each))
        assert config["PACKAGE"] == (app if app == "gateway" else f"services.{app}")
        assert container_of(each)["args"] == ["$(PACKAGE)", "--no-worker" if part == "app" else "--no-app"]
        assert container_of(each)["image"].startswith(f"guanxi/{app}")


@pytest.mark.parametrize("each", workloads(), ids=named)
def test_1_labels_and_selectors(each: Resource) -> None:
    assert {NAME, COMPONENT, PART_OF} <= set(labels_of(each))
    assert labels_of(each)[VERSION] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if each["kind"] == "Deployment":
        assert set(each["spec"]["selector"]["matchLabels"]) == {NAME, COMPONENT}, "a selector can never be changed"


def accounts() -> dict[str, Resource]:
    found = [
        account for folder in ("overlays/prod", "migrate", "topics") for account in resources(folder, "ServiceAccount")
    ]
    return {account["metadata"]["name"]: account for account in found}


@pytest.mark.parametrize("each", workloads(), ids=named)
def test_2_nobody_asks_the_api_server(each: Resource) -> None:
    assert pod_of(each)["automountServiceAccountToken"] is False
    assert pod_of(each)["enableServiceLinks"] is False
    assert accounts()[pod_of(each)["serviceAccountName"]]["automountServiceAccountToken"] is False
    assert not resources("overlays/prod", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


@pytest.mark.parametrize("each", workloads(), ids=named)
def test_3_pods_are_restricted(each: Resource) -> None:
    pod, container = pod_of(each)["securityContext"], container_of(each)["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert min(pod["runAsUser"], pod["runAsGroup"], pod["fsGroup"]) > LEAST_UID
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["readOnlyRootFilesystem"] is True
    assert container["capabilities"] == {"drop": ["ALL"]}
    volumes = {volume["name"]: volume for volume in pod_of(each)["volumes"]}
    assert volumes["tmp"]["emptyDir"]["sizeLimit"]
    assert all("hostPath" not in volume for volume in volumes.values())
    (namespace,) = resources("base", "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("each", workloads(), ids=named)
def test_4_what_a_pod_may_use(each: Resource) -> None:
    told = container_of(each)["resources"]
    assert {"cpu", "memory", "ephemeral-storage"} <= set(told["requests"])
    assert "memory" in told["limits"]
    assert "cpu" not in told["limits"], "throttling makes tails"


@pytest.mark.parametrize("app", APPS)
def test_4_all_that_may_run_has_connections(app: str) -> None:
    (scaling,) = [
        h for h in resources("overlays/prod", "HorizontalPodAutoscaler") if h["metadata"]["name"] == f"{app}-app"
    ]
    (worker,) = [d for d in deployments() if d["metadata"]["name"] == f"{app}-worker"]
    most = scaling["spec"]["maxReplicas"] + worker["spec"]["replicas"]
    while_rolling_out = 2
    assert (most + while_rolling_out) * CONNECTIONS <= ALLOWED_CONNECTIONS


@pytest.mark.parametrize("each", deployments(), ids=named)
def test_5_probes(each: Resource) -> None:
    container = container_of(each)
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}
    for name in paths:
        assert container[f"{name}Probe"]["httpGet"]["port"] == "management"
        assert container[f"{name}Probe"]["timeoutSeconds"] >= 2


@pytest.mark.parametrize("each", deployments(), ids=named)
def test_6_an_end_in_peace(each: Resource) -> None:
    grace = pod_of(each)["terminationGracePeriodSeconds"]
    serves = labels_of(each)[COMPONENT] == "app"
    waits = container_of(each)["lifecycle"]["preStop"]["sleep"]["seconds"] if serves else 0
    assert waits >= (10 if serves else 0)
    assert waits + GRACE_SECONDS + 2 < grace


@pytest.mark.parametrize("each", deployments(), ids=named)
def test_7_roll_outs(each: Resource) -> None:
    spec = each["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert spec["minReadySeconds"] > 0
    assert {"progressDeadlineSeconds", "revisionHistoryLimit"} <= set(spec)


def test_8_one_says_how_many() -> None:
    scaled = {h["spec"]["scaleTargetRef"]["name"] for h in resources("overlays/prod", "HorizontalPodAutoscaler")}
    for each in deployments():
        assert ("replicas" in each["spec"]) != (each["metadata"]["name"] in scaled), named(each)
    assert all(h["spec"]["minReplicas"] >= 3 for h in resources("overlays/prod", "HorizontalPodAutoscaler"))
    assert all(d["spec"].get("replicas", 2) >= 2 for d in deployments())
    workers = [each["spec"]["replicas"] for each in deployments() if labels_of(each)[COMPONENT] == "worker"]
    assert max(workers) <= min(topic["spec"]["partitions"] for topic in resources("kafka-strimzi", "KafkaTopic"))


def test_9_a_drain_takes_one_at_a_time() -> None:
    budgets = {b["metadata"]["name"]: b["spec"] for b in resources("overlays/prod", "PodDisruptionBudget")}
    for each in deployments():
        budget = budgets[each["metadata"]["name"]]
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert budget["selector"] == each["spec"]["selector"]
        spread = pod_of(each)["topologySpreadConstraints"]
        assert {s["topologyKey"] for s in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(s["whenUnsatisfiable"] == "ScheduleAnyway" for s in spread)
        assert all(s["labelSelector"]["matchLabels"].items() <= labels_of(each).items() for s in spread)


OF_FILES = {"DATABASE_URL", "KAFKA_PASSWORD"}
"""Settings that come as files of a secret."""


@pytest.mark.parametrize("each", deployments(), ids=named)
def test_10_settings_and_secrets(each: Resource) -> None:
    kind = settings_of(labels_of(each)[NAME])
    config = {name: value for name, value in configured(each) if name.startswith("GUANXI_")}
    fields = {f"GUANXI_{name}".upper(): field for name, field in kind.model_fields.items()}
    assert set(config) <= set(fields), "no such setting"
    needed = {name for name, field in fields.items() if field.is_required()}
    assert needed <= set(config) | {f"GUANXI_{name}" for name in OF_FILES}
    mounts = {mount["name"]: mount for mount in container_of(each)["volumeMounts"]}
    assert mounts["secrets"]["mountPath"] == str(SECRETS)
    app = labels_of(each)[NAME]
    for volume in pod_of(each)["volumes"]:
        if secret := volume.get("secret"):
            assert secret == {"secretName": f"{app}-{volume['name']}", "defaultMode": 0o440}
    assert "env" not in container_of(each)
    by_content = re.compile(r"-[a-z0-9]{10}$")  # so that pods follow what they are told
    assert all(by_content.search(source["configMapRef"]["name"]) for source in container_of(each)["envFrom"])
    assert not resources("overlays/prod", "Secret")


@pytest.mark.parametrize("each", deployments(), ids=named)
def test_10_production_takes_these_settings(each: Resource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kind = settings_of(labels_of(each)[NAME])
    for name, value in configured(each):
        monkeypatch.setenv(name, value)
    (tmp_path / "GUANXI_DATABASE_URL").write_text("postgresql://a:b@db/app?sslmode=verify-full\n")
    (tmp_path / "GUANXI_KAFKA_PASSWORD").write_text("c")
    settings = kind(service=labels_of(each)[NAME], _secrets_dir=tmp_path)  # type: ignore[call-arg] # pydantic's own
    assert settings.dsn == "postgresql://a:b@db/app?sslmode=verify-full"
    assert settings.kafka_user == labels_of(each)[NAME]


def test_11_migrations_are_jobs_of_the_owner() -> None:
    jobs = {labels_of(job)[NAME]: job for job in resources("migrate", "Job")}
    assert set(jobs) == set(APPS)
    for app, job in jobs.items():
        assert container_of(job)["args"] == [app if app == "gateway" else f"services.{app}"]
        assert {v["secret"]["secretName"] for v in pod_of(job)["volumes"] if "secret" in v} == {f"{app}-owner"}
        assert job["spec"]["activeDeadlineSeconds"]
        assert pod_of(job)["restartPolicy"] == "Never"
    owners = [
        v for d in deployments() for v in pod_of(d)["volumes"] if "owner" in v.get("secret", {}).get("secretName", "")
    ]
    assert owners == [], "no app has the rights to change tables"


def test_11_a_reconciliation_is_a_persons_to_begin() -> None:
    jobs = {labels_of(job)[NAME]: job for job in resources("overlays/prod", "CronJob")}
    assert set(jobs) == set(APPS) - {"gateway"}
    for app, job in jobs.items():
        assert job["spec"]["suspend"] is True
        assert container_of(job)["command"][1:] == ["-m", "libs.common.reconciling"]
        assert container_of(job)["args"] == ["$(PACKAGE)"]
        assert dict(configured(job))["PACKAGE"] == f"services.{app}"
        (worker,) = [each for each in deployments() if each["metadata"]["name"] == f"{app}-worker"]
        assert pod_of(job)["volumes"] == pod_of(worker)["volumes"]
        without_traces = {name for name, _ in configured(worker)} - {"GUANXI_OTLP_ENDPOINT", "GUANXI_TRACE_SHARE"}
        assert {name for name, _ in configured(job)} == without_traces
        assert job["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_13_metrics_are_scraped_at_a_named_port() -> None:
    (monitor,) = resources("overlays/prod", "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for each in deployments():
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels_of(each).items()
        assert endpoint["port"] in [port["name"] for port in container_of(each)["ports"]]
    for service in resources("overlays/prod", "Service"):
        (target,) = [d for d in deployments() if service["spec"]["selector"].items() <= labels_of(d).items()]
        names = [port["name"] for port in container_of(target)["ports"]]
        assert [port["targetPort"] for port in service["spec"]["ports"]] == names


def test_15_traces_go_where_the_environment_says() -> None:
    for each in deployments():
        assert dict(configured(each))["GUANXI_OTLP_ENDPOINT"].startswith("http")


def test_what_strimzi_is_told_is_what_the_contracts_say() -> None:
    command = [BIN / "guanxi", "topics", "render"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    assert (FOLDER / "kafka-strimzi" / "resources.yaml").read_text() == told, "make docs"


def test_the_prometheus_operator_gets_every_alert() -> None:
    assert (FOLDER / "components" / "monitoring" / "rules.yaml").read_text() == rules(), "make docs"
    (applied,) = resources("overlays/prod", "PrometheusRule")
    assert [rule["alert"] for group in applied["spec"]["groups"] for rule in group["rules"]]
