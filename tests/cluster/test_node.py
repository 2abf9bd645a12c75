"""Everything on one real node: our own images, probes that act, roll-outs under load, kills. Run by `make cluster-test`."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import yaml

from guanxi.local.cluster_secrets import ClusterSecrets
from guanxi.local.issuer import ADMIN
from libs.common.key_changes import add_key
from tests.cluster.channel import CUSTOMERS, Load, open_known_branch, signing_in
from tests.cluster.tools import TOOLS, Kubernetes, run
from tests.deploy.rendered import named, resources
from tests.e2e.person import Person, SignIn
from tests.e2e.test_story import Branch, register, serve, view_when, whole
from tests.polling import until
from tests.runbook import block_of

pytestmark = pytest.mark.cluster

OVERLAY = "overlays/dev"
FOLDER = Path(os.environ.get("GUANXI_NODE", "/nowhere"))
JOBS = [each["metadata"]["name"] for each in resources(OVERLAY, "Job")]
DEPLOYMENTS = [each["metadata"]["name"] for each in resources(OVERLAY, "Deployment")]
WORKLOADS = [named(each).lower().replace(" ", "/") for each in resources(OVERLAY, "StatefulSet", "Deployment")]
APPS = sorted({name.partition("-")[0] for name in DEPLOYMENTS})


@pytest.fixture(scope="module")
def cluster() -> Kubernetes:
    if not FOLDER.is_dir():
        pytest.skip("there is no node: `make cluster-test` brings one up")
    return Kubernetes(f"{os.environ['GUANXI_PROGRAMS']}/kubectl", FOLDER / "pki" / "admin.kubeconfig")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def operator(cluster: Kubernetes, home: Path) -> Callable[[str], str]:
    """Runs what the runbook says under a heading."""
    path = f"{Path(cluster.kubectl).parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "KUBECONFIG": str(cluster.kubeconfig), "GUANXI_HOME": str(home)}

    def does(heading: str) -> str:
        return run("bash", "-euo", "pipefail", "-c", block_of(heading, "tests/cluster/test_node.py"), env=env)

    return does


@pytest.fixture(scope="module")
def deployed(cluster: Kubernetes, operator: Callable[[str], str]) -> Iterator[Kubernetes]:
    cluster.do("apply", "--namespace=kube-system", f"--filename={TOOLS / 'realnode' / 'manifests' / 'dns.yaml'}")
    began = time.monotonic()
    operator("Deploy")
    told("deployed: every Job complete, every pod ready, after", f"{time.monotonic() - began:.0f} s")
    yield cluster
    told("what is left", cluster.do("get", "pods", "--output=wide"))


@pytest.fixture(scope="module")
def secrets(deployed: Kubernetes, home: Path) -> ClusterSecrets:
    assert deployed
    made = ClusterSecrets(home / "keys")
    assert made.authority.exists()
    made.ensure()
    return made


@pytest.fixture(scope="module")
async def sign_in(deployed: Kubernetes, secrets: ClusterSecrets) -> AsyncIterator[SignIn]:
    address = deployed.get("service/gateway-app")["spec"]["clusterIP"]
    async with signing_in(address, secrets.authority, secrets.issuer) as sign_in:
        yield sign_in


@pytest.fixture(scope="module")
async def here(sign_in: SignIn) -> Branch:
    return await open_known_branch(sign_in, "k01")


@pytest.fixture(scope="module")
async def load(sign_in: SignIn, here: Branch) -> Load:
    def somebody(role: str) -> Person:
        return sign_in(f"{role}-k01", role)

    assert here.unit_id
    made = [await somebody("teller").post("/api/v1/customers", {"name": "常客"}) for _ in range(5)]
    shown = [answer.json()["id"] for answer in made]
    for customer_id in shown:
        await view_when(somebody("branch_head"), customer_id, lambda sections: sections["profile"]["state"] == "ok")
    administrator = sign_in(ADMIN, "admin")
    return Load(
        lambda: somebody("teller"), lambda: somebody("branch_head"), lambda: administrator, here.staff["manager"], shown
    )


def told(what: str, *more: object) -> None:
    """For the one who reads the output."""
    print(f"\n    {what}:", *more, flush=True)  # noqa: T201 - this output is shown in docs/performance.md


def test_every_job_completes_and_everything_is_ready(deployed: Kubernetes) -> None:
    assert {job: deployed.get(f"job/{job}")["status"].get("succeeded") for job in JOBS} == dict.fromkeys(JOBS, 1)
    ready = {workload: deployed.get(workload) for workload in WORKLOADS}
    missing = [name for name, each in ready.items() if each["status"].get("readyReplicas") != each["spec"]["replicas"]]
    assert missing == []


def test_an_operator_sees_what_runs(deployed: Kubernetes, operator: Callable[[str], str]) -> None:
    assert deployed
    said = operator("Look first")
    assert [name for name in [*DEPLOYMENTS, *JOBS] if name not in said] == []


async def test_a_customer_is_registered_and_seen_whole(sign_in: SignIn, here: Branch) -> None:
    teller, head = sign_in("teller-k01", "teller"), sign_in("branch_head-k01", "branch_head")
    customer = await register(teller, here)
    await serve(teller, customer["id"])
    await view_when(head, customer["id"], whole)


@pytest.mark.parametrize("app", APPS)
async def test_a_rolling_update_under_load_fails_nobody(deployed: Kubernetes, load: Load, app: str) -> None:
    """No request without a good answer, and no command lost."""
    load.begin()
    async with load.running():
        await until(lambda: _some(load, 20))
        for part in ("app", "worker"):
            deployed.do("rollout", "restart", f"deployment/{app}-{part}")
        for part in ("app", "worker"):
            await patiently(deployed, "rollout", "status", f"deployment/{app}-{part}", "--timeout=180s")
        seen = sum(load.answers.values())
        await until(lambda: _some(load, seen + 50))
    told(app, dict(load.answers), f"longest answer {load.longest:.2f} s")
    assert load.failed == {}
    await none_is_lost(load)


async def _some(load: Load, answers: int) -> bool:
    return sum(load.answers.values()) >= answers


async def patiently(cluster: Kubernetes, *arguments: str) -> None:
    """Beside the load, which goes on."""
    await asyncio.to_thread(cluster.do, *arguments)


async def none_is_lost(load: Load) -> None:
    assert await load.kept() == {(path, 200): len(made) for path, made in load.made.items()}
    head = load.head()
    for customer_id in load.made[CUSTOMERS]:
        await view_when(head, customer_id, lambda sections: sections["profile"]["state"] == "ok")


async def test_a_bad_rollout_is_told_while_the_old_pods_serve_and_can_be_undone(
    deployed: Kubernetes, operator: Callable[[str], str], load: Load
) -> None:
    load.begin()
    async with load.running():
        deployed.do("set", "image", "deployment/customer-app", "app=guanxi/customer:none")
        status = ("rollout", "status", "deployment/customer-app", "--timeout=20s")
        answer = await asyncio.to_thread(deployed.ask, *status)
        assert answer.returncode != 0
        seen = sum(load.answers.values())
        await until(lambda: _some(load, seen + 50))
        await asyncio.to_thread(operator, "Roll back")
    told("while a bad image was rolled out", dict(load.answers))
    assert load.failed == {}
    await none_is_lost(load)


async def test_a_key_is_added_while_everybody_goes_on(
    deployed: Kubernetes, operator: Callable[[str], str], home: Path, secrets: ClusterSecrets, load: Load
) -> None:
    assert add_key(home / "keys" / "customer.keyring.json") == 2
    deployed.do("apply", "--filename=-", told=yaml.safe_dump_all(secrets.resources()))
    load.begin()
    async with load.running():
        await until(lambda: _some(load, 20))
        await asyncio.to_thread(operator, "Rotate")
        seen = sum(load.answers.values())
        await until(lambda: _some(load, seen + 50))
    told("while a key was added to a ring", dict(load.answers))
    assert load.failed == {}
    await none_is_lost(load)


def test_the_view_is_made_anew_in_the_gateways_own_pod(deployed: Kubernetes, operator: Callable[[str], str]) -> None:
    assert deployed
    told("the view made anew", operator("Rebuild").strip().splitlines()[-1])


def test_nothing_is_lost_says_the_reconciliation(deployed: Kubernetes, operator: Callable[[str], str]) -> None:
    assert deployed
    said = operator("Restore").strip().splitlines()[-1]
    told("reconciled", said)
    assert said == "events of customer that its database does not hold: 0"


@pytest.mark.parametrize("workload", WORKLOADS)
async def test_a_killed_pod_comes_back(deployed: Kubernetes, load: Load, workload: str) -> None:
    """kill -9 of its process, by the node's hand."""
    name = workload.partition("/")[2]
    pod = pod_of(deployed, name)
    status = deployed.get(f"pod/{pod}")["status"]["containerStatuses"][0]
    os.kill(process_of(status["containerID"].removeprefix("containerd://")), signal.SIGKILL)
    began = time.monotonic()

    async def restarted() -> bool:
        now = deployed.get(f"pod/{pod}")["status"]["containerStatuses"][0]
        return bool(now["restartCount"] > status["restartCount"] and now["ready"])

    await until(restarted)
    teller, head = load.teller(), load.head()
    made: list[str] = []

    async def serves() -> bool:
        with suppress(Exception):
            answer = await teller.post("/api/v1/customers", {"name": "归"})
            if answer.status_code == 201:
                made.append(answer.json()["id"])
        return bool(made)

    async def seen() -> bool:
        """Whoever asks the database whether they are ready takes a moment to say that they are not, or are again."""
        with suppress(httpx.TransportError):
            answer = await head.get(f"/api/v1/customers/{made[0]}/360")
            return answer.status_code == 200 and answer.json()["sections"]["profile"]["state"] == "ok"
        return False

    await until(serves)
    await until(seen)
    told(name, f"ready again, and a new customer seen, after {time.monotonic() - began:.0f} s")


def pod_of(cluster: Kubernetes, workload: str) -> str:
    app, _, part = workload.partition("-")
    chosen = f"app.kubernetes.io/name={app},app.kubernetes.io/component={part or 'server'}"
    pods = cluster.get("pods", f"--selector={chosen}")["items"]
    alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return str(alive[0]["metadata"]["name"])


def process_of(container: str) -> int:
    listed = run("ctr", "--address", str(FOLDER / "containerd.sock"), "--namespace=k8s.io", "tasks", "list")
    return next(int(line.split()[1]) for line in listed.splitlines() if line.startswith(container))
