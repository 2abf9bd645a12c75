"""`python -m tests.cluster.node`: brings a real node up, runs the tests of test_node.py beside it, and takes it down.

It needs root, and containerd, runc, CNI's plugins, nftables, conntrack and buildah (on Debian: apt-get install containerd
runc containernetworking-plugins iptables nftables conntrack socat ethtool jq buildah debootstrap).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.images import archives, build_images
from tests.cluster.tools import KEPT, TOOLS, programs, run
from tests.conftest import ROOT

NAMESPACE = f"guanxi-{os.getpid()}"
"""Of the network: its addresses are its own."""
TESTS = "tests/cluster/test_node.py"
NEEDED = ("containerd", "runc", "buildah", "debootstrap", "nft", "conntrack", "jq", "nsenter", "go")


def main() -> int:
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        sys.stderr.write(f"{__doc__}\nThere is no {', '.join(missing)} here.\n")
        return os.EX_UNAVAILABLE
    if not TOOLS.is_dir():
        sys.stderr.write(f"There is no {TOOLS} to build a Kubernetes from: set GUANXI_CLUSTER_TOOLS.\n")
        return os.EX_NOINPUT
    binaries = programs()
    build_images()
    with tempfile.TemporaryDirectory(prefix="guanxi-node-") as made:
        folder = Path(made)
        run("bash", str(TOOLS / "realnode" / "images.sh"), str(KEPT / "node-images"))
        (folder / "images").mkdir()
        for archive in (*(KEPT / "node-images").glob("*.tar"), *archives("overlays/dev")):
            (folder / "images" / archive.name).symlink_to(archive)
        return with_node(folder, binaries)


def with_node(folder: Path, binaries: Path) -> int:
    told = {**os.environ, "NS": NAMESPACE}
    try:
        up = ["bash", str(TOOLS / "realnode" / "node-up.sh"), str(folder), str(binaries)]
        subprocess.run(up, env=told, check=True)  # noqa: S603 - ours
        pytest = [sys.executable, "-m", "pytest", "-m", "cluster", "-v", "-s", TESTS, *sys.argv[1:]]
        inside = ["nsenter", f"--net=/run/netns/{NAMESPACE}", "--", *pytest]
        where = {"GUANXI_NODE": str(folder), "GUANXI_PROGRAMS": str(binaries)}
        return subprocess.run(inside, env={**told, **where}, cwd=ROOT, check=False).returncode  # noqa: S603 - ours
    finally:
        down = ["bash", str(TOOLS / "realnode" / "node-down.sh"), str(folder)]
        subprocess.run(down, env=told, check=False)  # noqa: S603 - ours


if __name__ == "__main__":
    sys.exit(main())
