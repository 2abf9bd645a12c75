"""A real Kubernetes for the tests, from packages alone: its programs are built once and kept outside of the checkout."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.ports import free_port, free_ports_in_a_row

TOOLS = Path(os.environ.get("GUANXI_CLUSTER_TOOLS", ROOT.parent / "shared" / "cluster"))
KEPT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "guanxi-cluster"


def require_tools() -> None:
    """Skip, and say why, where there is nothing to build a Kubernetes from."""
    if not TOOLS.is_dir():
        pytest.skip(f"there is no {TOOLS} to build a Kubernetes from: set GUANXI_CLUSTER_TOOLS, or KUBECONFIG")
    if shutil.which("go") is None:
        pytest.skip("there is no Go here to build a Kubernetes with")


def programs() -> Path:
    """Of a control plane and a node; built once for each version of what builds them, in some seven minutes."""
    sources = sorted(file for file in (TOOLS / "build").rglob("*") if file.is_file())
    name = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:12]
    place = KEPT / f"programs-{name}"
    if not (place / "complete").exists():
        run("bash", str(TOOLS / "build" / "build.sh"), str(place), "node")
        (place / "complete").touch()
    return place


def run(*command: str, env: Mapping[str, str] | None = None) -> str:
    """Raises AssertionError with what it said."""
    told = {**os.environ, **(env or {})}
    ended = subprocess.run(command, env=told, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert ended.returncode == 0, f"{' '.join(command)}: {ended.stdout}{ended.stderr}"
    return ended.stdout


@dataclass(frozen=True)
class Kubernetes:
    """A cluster, asked by `kubectl` in the name of its administrator."""

    kubectl: str
    kubeconfig: Path
    namespace: str = field(default="guanxi")
    is_others: bool = False
    """Somebody else's: what is applied is judged there and not stored, and no node of theirs is touched."""

    def ask(self, *arguments: str, told: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [self.kubectl, f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]
        return subprocess.run(command, input=told, capture_output=True, text=True, check=False)  # noqa: S603 - ours

    def do(self, *arguments: str, told: str | None = None) -> str:
        """Raises AssertionError with what the cluster said."""
        answer = self.ask(*arguments, told=told)
        assert answer.returncode == 0, f"kubectl {' '.join(arguments)}: {answer.stdout}{answer.stderr}"
        return answer.stdout

    def apply(self, manifests: str) -> None:
        answer = self.judged(manifests)
        assert answer.returncode == 0, f"{answer.stdout}{answer.stderr}"

    def judged(self, manifests: str) -> subprocess.CompletedProcess[str]:
        """Apply them: every unknown field, and every word of Pod Security, is a failure."""
        strictly = ("--server-side", "--force-conflicts", "--validate=strict", "--warnings-as-errors")
        stored = "--dry-run=server" if self.is_others else "--dry-run=none"
        return self.ask("apply", *strictly, stored, "--filename=-", told=manifests)

    def serves(self, kind: str, version: str) -> bool:
        return self.ask("explain", kind, f"--api-version={version}").returncode == 0

    def get(self, *arguments: str) -> Any:
        return yaml.load(self.do("get", "--output=yaml", *arguments), yaml.CSafeLoader)


@contextmanager
def control_plane(folder: Path) -> Iterator[Kubernetes]:
    """API server, controllers and scheduler themselves, on this machine; nodes and pods are pretended."""
    require_tools()
    binaries = programs()
    ports = {"APISERVER_PORT": free_ports_in_a_row(4), "ETCD_PORT": free_port(), "PEER_PORT": free_port()}
    try:
        env = {name: str(port) for name, port in ports.items()}
        run("bash", str(TOOLS / "up.sh"), str(folder), str(binaries), env=env)
        yield Kubernetes(str(binaries / "kubectl"), folder / "pki" / "admin.kubeconfig")
    finally:
        run("bash", str(TOOLS / "down.sh"), str(folder))
