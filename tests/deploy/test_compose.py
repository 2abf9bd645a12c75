"""compose.yaml says of each app what the dev overlay says. An engine runs it in tests/cluster/test_containers.py."""

import json
from typing import Any

import pytest
import yaml

from guanxi.local.cluster_secrets import ClusterSecrets
from guanxi.local.settings import APPS, package_of
from tests.conftest import ROOT
from tests.deploy.rendered import container_of, resources

COMPOSE: dict[str, Any] = yaml.load((ROOT / "compose.yaml").read_text(), yaml.CSafeLoader)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DEV = "overlays/dev"
OF_A_CLUSTER = {"PACKAGE", "GUANXI_KAFKA_USER", "GUANXI_KAFKA_TLS", "GUANXI_LIMITS", "GUANXI_LIMITS_SHARED"}
"""What a cluster's configuration says beside."""


def configured(workload: dict[str, Any]) -> dict[str, str]:
    """The settings of an app in the dev overlay."""
    maps = {each["metadata"]["name"]: each["data"] for each in resources(DEV, "ConfigMap")}
    settings: dict[str, str] = {}
    for source in container_of(workload)["envFrom"]:
        settings |= maps[source["configMapRef"]["name"]]
    return settings


def test_everything_of_the_dev_overlay_is_there_and_nothing_else() -> None:
    workloads = {each["metadata"]["name"] for each in resources(DEV, "Deployment", "StatefulSet", "Job")}
    assert set(SERVICES) == workloads


@pytest.mark.parametrize("workload", resources(DEV, "Deployment"), ids=lambda each: each["metadata"]["name"])
def test_an_app_has_the_settings_and_the_files_that_it_has_on_a_cluster(workload: dict[str, Any]) -> None:
    service, container, settings = SERVICES[workload["metadata"]["name"]], container_of(workload), configured(workload)
    assert service["image"] == container["image"]
    assert service["command"] == [settings["PACKAGE"], container["args"][1]]
    assert {name: same(told) for name, told in service["environment"].items()} == {
        name: same(told) for name, told in settings.items() if name not in OF_A_CLUSTER
    }
    mounted = {volume.split(":")[1] for volume in service["volumes"]}
    assert mounted == {mount["mountPath"] for mount in container["volumeMounts"]} - {"/tmp"}  # noqa: S108 - a mount


def same(told: str) -> Any:
    return json.loads(told) if told.startswith(("[", "{")) else told


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert bool(service.get("ports")) == (name == "gateway-app")


@pytest.mark.parametrize("app", APPS)
def test_nothing_serves_before_its_tables_and_topics_are_there(app: str) -> None:
    for part in ("app", "worker"):
        waits = SERVICES[f"{app}-{part}"]["depends_on"]
        assert set(waits) == {"topics", f"{app}-migrate"}
        assert {each["condition"] for each in waits.values()} == {"service_completed_successfully"}
    assert SERVICES[f"{app}-migrate"]["command"] == [package_of(app)]


def test_every_folder_that_is_mounted_is_written(tmp_path: Any) -> None:
    secrets = ClusterSecrets(tmp_path / "keys")
    secrets.ensure()
    secrets.write(tmp_path / "compose")
    written = {f"./.local/compose/{folder.name}" for folder in (tmp_path / "compose").iterdir()}
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted <= written | {"/etc/passwd"}
    for file in (tmp_path / "compose").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, f"{file} is readable by others"
