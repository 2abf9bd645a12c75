"""The manifests as kustomize renders them, and as the tests look at them."""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

BIN = Path(sys.executable).parent
FOLDER = ROOT / "deploy" / "k8s"
KUSTOMIZATIONS = ("base", "overlays/dev", "overlays/prod", "migrate", "topics", "kafka-strimzi")
PART_OF = "app.kubernetes.io/part-of"
NAME, COMPONENT, VERSION = (f"app.kubernetes.io/{label}" for label in ("name", "component", "version"))

Resource = dict[str, Any]


@cache
def text_of(folder: str) -> str:
    """Raises CalledProcessError where it cannot be rendered."""
    command = [BIN / "kubectl", "kustomize", str(FOLDER / folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours


@cache
def _parsed(folder: str) -> list[Resource]:
    return [each for each in yaml.load_all(text_of(folder), yaml.CSafeLoader) if each]


def resources(folder: str, *kinds: str) -> list[Resource]:
    return [each for each in _parsed(folder) if not kinds or each["kind"] in kinds]


def workloads() -> list[Resource]:
    """Everything that runs pods."""
    of_prod = resources("overlays/prod", "Deployment", "CronJob")
    return [*of_prod, *resources("migrate", "Job"), *resources("topics", "Job")]


def deployments() -> list[Resource]:
    return resources("overlays/prod", "Deployment")


def template_of(workload: Resource) -> Resource:
    """Of its pods; a CronJob's is that of its Jobs."""
    template: Resource = workload["spec"].get("jobTemplate", workload)["spec"]["template"]
    return template


def pod_of(workload: Resource) -> Resource:
    spec: Resource = template_of(workload)["spec"]
    return spec


def container_of(workload: Resource) -> Resource:
    (container,) = pod_of(workload)["containers"]
    assert not pod_of(workload).get("initContainers")
    return dict(container)


def named(each: Resource) -> str:
    return f"{each['kind']} {each['metadata']['name']}"


def labels_of(workload: Resource) -> dict[str, str]:
    """Of its pods."""
    return dict(template_of(workload)["metadata"]["labels"])


def configured(workload: Resource) -> Iterator[tuple[str, str]]:
    """What its container has in its environment, by its ConfigMaps."""
    maps = {each["metadata"]["name"]: each["data"] for each in resources("overlays/prod", "ConfigMap")}
    for source in container_of(workload).get("envFrom", ()):
        yield from maps[source["configMapRef"]["name"]].items()
