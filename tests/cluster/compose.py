"""`python -m tests.cluster.compose`: a container engine in a network of its own, and test_containers.py beside it.

It needs root, Go, and podman with a network of its own, runc and buildah (on Debian: apt-get install podman netavark
aardvark-dns iptables conmon runc buildah debootstrap). Docker's own Compose speaks with it; the first time builds that.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.images import build_images
from tests.cluster.tools import KEPT, run
from tests.conftest import ROOT

NAMESPACE = f"guanxi-{os.getpid()}"
"""Of the network: its addresses are its own."""
INSIDE = ("nsenter", f"--net=/run/netns/{NAMESPACE}", "--")
TESTS = "tests/cluster/test_containers.py"
NEEDED = ("podman", "runc", "conmon", "iptables", "buildah", "debootstrap", "ip", "nsenter", "go")
LOCK = ROOT / "tests" / "cluster" / "engine"
ENGINE = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""For machines without systemd, whose own limits are low."""


def main() -> int:
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        sys.stderr.write(f"{__doc__}\nThere is no {', '.join(missing)} here.\n")
        return os.EX_UNAVAILABLE
    program = docker_compose()
    build_images()
    with tempfile.TemporaryDirectory(prefix="guanxi-compose-") as made, network(), engine(Path(made)) as answers_at:
        told = {**os.environ, "DOCKER_HOST": answers_at, "GUANXI_COMPOSE": made, "GUANXI_COMPOSE_PROGRAM": str(program)}
        pytest = [sys.executable, "-m", "pytest", "-m", "cluster", "-v", "-s", TESTS, *sys.argv[1:]]
        return subprocess.run([*INSIDE, *pytest], env=told, cwd=ROOT, check=False).returncode  # noqa: S603 - ours


def docker_compose() -> Path:
    """Of the version and the hashes in engine/: built once, in some two minutes."""
    place = KEPT / f"docker-compose-{hashlib.sha256((LOCK / 'go.sum').read_bytes()).hexdigest()[:12]}"
    if not place.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        run("go", "build", "-C", str(LOCK), "-buildvcs=false", f"-o={place}", "github.com/docker/compose/v2/cmd")
    return place


@contextmanager
def network() -> Iterator[None]:
    run("ip", "netns", "add", NAMESPACE)
    try:
        run("ip", "-netns", NAMESPACE, "link", "set", "lo", "up")
        yield
    finally:
        run("ip", "netns", "delete", NAMESPACE)


@contextmanager
def engine(folder: Path) -> Iterator[str]:
    """Podman, where it answers as Docker does."""
    configuration, answers_at = folder / "containers.conf", f"unix://{folder / 'engine.sock'}"
    configuration.write_text(ENGINE)
    told = {**os.environ, "CONTAINERS_CONF": str(configuration)}
    command = [*INSIDE, "podman", "system", "service", "--time=0", answers_at]
    with (folder / "engine.log").open("wb") as log:
        serving = subprocess.Popen(command, env=told, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            yield answers_at
        finally:
            serving.terminate()
            serving.wait()


if __name__ == "__main__":
    sys.exit(main())
