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
from tests.deploy.test_releases import DIGEST, LINES, RELEASE
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
        named = Kubernetes(str(BIN / "kubectl"), Path(given), is_others=True)
        if named.ask("get", "namespace", named.namespace).returncode == 0:
            pytest.fail(
                f"KUBECONFIG names a cluster that has a namespace {named.namespace}: these tests would delete it"
            )
        yield named
        return
    with control_plane(tmp_path_factory.mktemp("cluster")) as made:
        made.do("apply", "--filename=-", told="---".join(NODE.format(name=f"fake-{place}") for place in range(NODES)))
        made.do("apply", f"--filename={HERE / 'resources.yaml'}")
        made.do("wait", "--for=condition=Established", "crd", "--all", "--timeout=240s")
        yield made


@pytest.fixture
def own(cluster: Kubernetes) -> Kubernetes:
    """One that these tests may do anything to."""
    if cluster.is_others:
        pytest.skip("KUBECONFIG names a cluster of somebody's: nothing is run there, and no node is emptied")
    return cluster


@pytest.fixture(autouse=True)
def _empty(cluster: Kubernetes) -> Iterator[None]:
    cluster.do("apply", "--filename=-", told=text_of_namespace())
    yield
    cluster.do("delete", "namespace", cluster.namespace, "--timeout=240s")


def text_of_namespace() -> str:
    return (HERE.parents[1] / "deploy/k8s/base/namespace.yaml").read_text()


@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_everything_is_applied_with_strict_fields_and_runs(cluster: Kubernetes, folder: str) -> None:
    """Pods that were not restricted would be refused here."""
    if cluster.is_others:
        kinds = {(each["kind"], each["apiVersion"]) for each in resources(folder)}
        if unknown := sorted(kind for kind, version in kinds if not cluster.serves(kind, version)):
            pytest.skip(f"the cluster that KUBECONFIG names has no {', '.join(unknown)}")
    cluster.apply(text_of(folder))
    if cluster.is_others:
        return
    stored = cluster.get(*(f"{each['kind']}/{each['metadata']['name']}" for each in resources(folder)))
    assert len(stored.get("items", [stored])) == len(resources(folder))
    cluster.apply(text_of(folder))  # a second time is no other
    for workload in resources(folder, "Deployment", "StatefulSet"):
        kind, name = workload["kind"].lower(), workload["metadata"]["name"]
        cluster.do("rollout", "status", f"{kind}/{name}", "--timeout=240s")
    for job in resources(folder, "Job"):
        cluster.do("wait", "--for=condition=Complete", f"job/{job['metadata']['name']}", "--timeout=240s")


def test_a_typing_error_and_a_pod_that_is_not_restricted_are_refused(cluster: Kubernetes) -> None:
    wrong = text_of("overlays/dev").replace("readinessProbe", TYPING_ERROR, 1)
    answer = cluster.judged(wrong)
    assert answer.returncode != 0
    assert TYPING_ERROR in answer.stderr
    loose = text_of("overlays/dev").replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", 1)
    answer = cluster.judged(loose)
    assert answer.returncode != 0
    assert "violate PodSecurity" in answer.stderr


def test_a_node_is_emptied_one_pod_of_each_app_after_the_other(own: Kubernetes) -> None:
    own.apply(text_of("overlays/prod"))
    apps = [each["metadata"]["name"] for each in resources("overlays/prod", "Deployment")]
    for app in apps:
        own.do("scale", f"deployment/{app}", "--replicas=2")
    for app in apps:
        own.do("rollout", "status", f"deployment/{app}", "--timeout=240s")
    node = own.get("pods")["items"][0]["spec"]["nodeName"]
    try:
        own.do("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
        assert not [pod for pod in own.get("pods")["items"] if pod["spec"].get("nodeName") == node and is_there(pod)]
        for app in apps:
            own.do("rollout", "status", f"deployment/{app}", "--timeout=240s")
    finally:
        own.do("uncordon", node)


def is_there(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def test_a_reconciliation_that_mends_is_one_with_a_word_more(own: Kubernetes) -> None:
    own.apply(text_of("overlays/dev"))
    told_by_the_runbook(own, block_of("Restore", "tests/cluster/test_control_plane.py"))
    job = own.get("job/mend-customer")
    assert container_of(job)["command"][1:] == ["-m", "libs.common.reconciling"]
    assert container_of(job)["args"] == ["$(PACKAGE)", "--mend"]


def test_a_release_follows_its_order(own: Kubernetes, tmp_path: Path) -> None:
    """Topics, then migrations, then what runs on them: images by digest, Jobs by the release's name."""
    images = tmp_path / "images"
    images.write_text("\n".join(LINES))
    for test in ("tests/deploy/test_releases.py", "tests/cluster/test_control_plane.py"):
        told_by_the_runbook(own, block_of("Deploy", test), RELEASE=RELEASE, IMAGES=str(images))
    assert {job["metadata"]["name"] for job in own.get("jobs")["items"]} == {
        f"{job['metadata']['name']}-{RELEASE}" for folder in ("topics", "migrate") for job in resources(folder, "Job")
    }
    assert all(DIGEST in container_of(each)["image"] for each in own.get("deployments")["items"])


def told_by_the_runbook(cluster: Kubernetes, commands: str, **told: str) -> None:
    path = f"{Path(cluster.kubectl).parent}:{BIN}:{os.environ['PATH']}"
    env = {"PATH": path, "KUBECONFIG": str(cluster.kubeconfig), **told}
    run("bash", "-euo", "pipefail", "-c", commands, env=env)


def test_a_cluster_that_kubeconfig_names_judges_and_keeps_nothing_and_one_that_runs_guanxi_is_left_alone(
    own: Kubernetes,
) -> None:
    ended, said = by_kubeconfig(own)
    assert ended != 0
    assert f"KUBECONFIG names a cluster that has a namespace {own.namespace}" in said
    assert own.get("namespace", own.namespace)["status"]["phase"] == "Active"
    own.do("delete", "namespace", own.namespace, "--timeout=240s")
    try:
        ended, said = by_kubeconfig(own)
        assert (ended, "2 passed, 1 skipped" in said) == (0, True), said
        assert own.ask("get", "namespace", own.namespace).returncode != 0
    finally:
        own.do("apply", "--filename=-", told=text_of_namespace())


def by_kubeconfig(cluster: Kubernetes) -> tuple[int, str]:
    """The same tests, some of them, by a cluster that is there."""
    left = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    wanted = [__file__, "-k", "topics or typing_error or emptied", "-p", "no:xdist"]
    command, env = [sys.executable, "-m", "pytest", "-q", *wanted], {**left, "KUBECONFIG": str(cluster.kubeconfig)}
    ended = subprocess.run(command, cwd=HERE.parents[1], env=env, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return ended.returncode, ended.stdout + ended.stderr
