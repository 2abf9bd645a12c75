"""What is rendered, applied to a Kubernetes that refuses every unknown field and every pod that is not restricted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.tools import Kubernetes, control_plane, run
from tests.deploy.rendered import BIN, KUSTOMIZATIONS, container_of, resources, text_of
from tests.runbook import block_of

pytestmark = pytest.mark.deep

HERE = Path(__file__).parent
NODES = 3
NODE = """
apiVersion: v1
kind: Node
metadata:
  name: {name}
  labels: {{kubernetes.io/hostname: {name}, topology.kubernetes.io/zone: {name}}}
  annotations: {{kwok.x-k8s.io/node: fake}}
status:
  allocatable: {{cpu: "8", memory: 16Gi, ephemeral-storage: 64Gi, pods: "110"}}
  capacity: {{cpu: "8", memory: 16Gi, ephemeral-storage: 64Gi, pods: "110"}}
"""
TYPING_ERROR = "readinesProbe"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    if given := os.environ.get("KUBECONFIG"):
        named = Kubernetes(str(BIN / "kubectl"), Path(given))
        if named.ask("get", "namespace", named.namespace).returncode == 0:
            pytest.fail(
                f"KUBECONFIG names a cluster that has a namespace {named.namespace}: these tests would delete it"
            )
        yield named
        return
    with control_plane(tmp_path_factory.mktemp("cluster")) as made:
        made.do("apply", "--filename=-", told="---".join(NODE.format(name=f"fake-{place}") for place in range(NODES)))
        made.do("apply", f"--filename={HERE / 'resources.yaml'}")
        made.do("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield made


@pytest.fixture(autouse=True)
def _empty(cluster: Kubernetes) -> Iterator[None]:
    cluster.apply(text_of_namespace())
    yield
    cluster.do("delete", "namespace", cluster.namespace, "--timeout=90s")


def text_of_namespace() -> str:
    return (HERE.parents[1] / "deploy/k8s/base/namespace.yaml").read_text()


@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_everything_is_applied_with_strict_fields_and_runs(cluster: Kubernetes, folder: str) -> None:
    """Pods that were not restricted would be refused here."""
    cluster.apply(text_of(folder))
    stored = cluster.get(*(f"{each['kind']}/{each['metadata']['name']}" for each in resources(folder)))
    assert len(stored.get("items", [stored])) == len(resources(folder))
    cluster.apply(text_of(folder))  # a second time is no other
    for workload in resources(folder, "Deployment", "StatefulSet"):
        kind, name = workload["kind"].lower(), workload["metadata"]["name"]
        cluster.do("rollout", "status", f"{kind}/{name}", "--timeout=60s")
    for job in resources(folder, "Job"):
        cluster.do("wait", "--for=condition=Complete", f"job/{job['metadata']['name']}", "--timeout=60s")


def test_a_typing_error_and_a_pod_that_is_not_restricted_are_refused(cluster: Kubernetes) -> None:
    wrong = text_of("overlays/dev").replace("readinessProbe", TYPING_ERROR, 1)
    answer = cluster.ask("apply", "--server-side", "--validate=strict", "--filename=-", told=wrong)
    assert answer.returncode != 0
    assert TYPING_ERROR in answer.stderr
    loose = text_of("overlays/dev").replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", 1)
    answer = cluster.ask("apply", "--server-side", "--warnings-as-errors", "--filename=-", told=loose)
    assert answer.returncode != 0
    assert "violate PodSecurity" in answer.stderr


def test_a_node_is_emptied_one_pod_of_each_app_after_the_other(cluster: Kubernetes) -> None:
    cluster.apply(text_of("overlays/prod"))
    apps = [each["metadata"]["name"] for each in resources("overlays/prod", "Deployment")]
    for app in apps:
        cluster.do("scale", f"deployment/{app}", "--replicas=2")
    for app in apps:
        cluster.do("rollout", "status", f"deployment/{app}", "--timeout=60s")
    node = cluster.get("pods")["items"][0]["spec"]["nodeName"]
    try:
        cluster.do("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s")
        assert not [
            pod for pod in cluster.get("pods")["items"] if pod["spec"].get("nodeName") == node and is_there(pod)
        ]
        for app in apps:
            cluster.do("rollout", "status", f"deployment/{app}", "--timeout=60s")
    finally:
        cluster.do("uncordon", node)


def is_there(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def test_a_reconciliation_that_mends_is_one_with_a_word_more(cluster: Kubernetes) -> None:
    cluster.apply(text_of("overlays/dev"))
    path = f"{Path(cluster.kubectl).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "KUBECONFIG": str(cluster.kubeconfig)}
    run("bash", "-euo", "pipefail", "-c", block_of("Restore", "tests/cluster/test_control_plane.py"), env=env)
    job = cluster.get("job/mend-customer")
    assert container_of(job)["command"][1:] == ["-m", "libs.common.reconciling"]
    assert container_of(job)["args"] == ["$(PACKAGE)", "--mend"]


def test_a_cluster_that_kubeconfig_names_is_used_and_one_that_runs_guanxi_is_left_alone(cluster: Kubernetes) -> None:
    ended, said = by_kubeconfig(cluster)
    assert ended != 0
    assert f"KUBECONFIG names a cluster that has a namespace {cluster.namespace}" in said
    assert cluster.get("namespace", cluster.namespace)["status"]["phase"] == "Active"
    cluster.do("delete", "namespace", cluster.namespace, "--timeout=90s")
    try:
        ended, said = by_kubeconfig(cluster)
        assert (ended, "1 passed" in said) == (0, True), said
    finally:
        cluster.apply(text_of_namespace())


def by_kubeconfig(cluster: Kubernetes) -> tuple[int, str]:
    """The same tests, one of them, by a cluster that is there."""
    wanted = f"{__file__}::{test_everything_is_applied_with_strict_fields_and_runs.__name__}[topics]"
    left = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command, env = [sys.executable, "-m", "pytest", "-q", wanted], {**left, "KUBECONFIG": str(cluster.kubeconfig)}
    ended = subprocess.run(command, cwd=HERE.parents[1], env=env, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return ended.returncode, ended.stdout + ended.stderr
