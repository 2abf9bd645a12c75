"""`python -m tests.cluster.node`: brings a real node up, runs the tests of test_node.py beside it, and takes it down.

It needs root, and containerd, runc, CNI's plugins, nftables, conntrack and buildah (on Debian: apt-get install containerd
runc containernetworking-plugins iptables nftables conntrack socat ethtool jq buildah debootstrap).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.tools import KEPT, TOOLS, programs, run
from tests.conftest import ROOT
from tests.deploy.rendered import resources

NAMESPACE = f"guanxi-{os.getpid()}"
"""Of the network: its addresses are its own."""
NEEDED = ("containerd", "runc", "buildah", "debootstrap", "nft", "conntrack", "jq", "nsenter", "go")
BASE = "localhost/python:3.11-slim"
PACKAGES = "ca-certificates,python3.11-minimal,python3.11,python3-pip,python3.11-venv"
CERTIFICATES = "/etc/ssl/certs"
BOUND = ("/etc/pip.conf", CERTIFICATES, "/usr/local/share/ca-certificates")
"""What this machine knows of its registries; the images keep nothing of it."""
LEFT_BY_DEBOOTSTRAP = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)


def main() -> int:
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        sys.stderr.write(f"{__doc__}\nThere is no {', '.join(missing)} here.\n")
        return os.EX_UNAVAILABLE
    if not TOOLS.is_dir():
        sys.stderr.write(f"There is no {TOOLS} to build a Kubernetes from: set GUANXI_CLUSTER_TOOLS.\n")
        return os.EX_NOINPUT
    binaries = programs()
    images = build_images()
    with tempfile.TemporaryDirectory(prefix="guanxi-node-") as made:
        folder = Path(made)
        run("bash", str(TOOLS / "realnode" / "images.sh"), str(KEPT / "node-images"))
        (folder / "images").mkdir()
        for archive in (*(KEPT / "node-images").glob("*.tar"), *images):
            (folder / "images" / archive.name).symlink_to(archive)
        return with_node(folder, binaries)


def with_node(folder: Path, binaries: Path) -> int:
    told = {**os.environ, "NS": NAMESPACE}
    try:
        up = ["bash", str(TOOLS / "realnode" / "node-up.sh"), str(folder), str(binaries)]
        subprocess.run(up, env=told, check=True)  # noqa: S603 - ours
        pytest = [sys.executable, "-m", "pytest", "-m", "cluster", "-v", "-s", *sys.argv[1:]]
        inside = ["nsenter", f"--net=/run/netns/{NAMESPACE}", "--", *pytest]
        where = {"GUANXI_NODE": str(folder), "GUANXI_PROGRAMS": str(binaries)}
        return subprocess.run(inside, env={**told, **where}, cwd=ROOT, check=False).returncode  # noqa: S603 - ours
    finally:
        down = ["bash", str(TOOLS / "realnode" / "node-down.sh"), str(folder)]
        subprocess.run(down, env=told, check=False)  # noqa: S603 - ours


def build_images() -> list[Path]:
    """Archives of every image that the dev overlay names."""
    base()
    bound = [f"--volume={place}:{place}:ro" for place in BOUND if Path(place).exists()]
    bundle = f"REQUESTS_CA_BUNDLE={CERTIFICATES}/ca-certificates.crt"
    options = ["--isolation=chroot", "--network=host", "--pull-never", *bound, f"--build-arg={bundle}"]
    told = {"ENGINE": "buildah", "PYTHON": BASE, "BUILD_OPTIONS": " ".join(options), "BUILDAH_ISOLATION": "chroot"}
    subprocess.run([ROOT / "deploy" / "images.sh"], env={**os.environ, **told}, check=True)  # noqa: S603 - ours
    return [archive_of(image) for image in images_of("overlays/dev")]


def images_of(folder: str) -> list[str]:
    pods = [each["spec"]["template"]["spec"] for each in resources(folder, "Deployment", "StatefulSet", "Job")]
    return sorted({container["image"] for pod in pods for container in pod["containers"]})


def archive_of(image: str) -> Path:
    built = run("buildah", "inspect", "--type=image", "--format={{.FromImageID}}", f"localhost/{image}").strip()
    name = hashlib.sha256(f"{image} {built}".encode()).hexdigest()[:12]
    place = KEPT / "images" / f"{image.replace('/', '-').replace(':', '-')}-{name}.tar"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        for older in place.parent.glob(f"{place.name.rpartition('-')[0]}-*.tar"):
            older.unlink()
        run("buildah", "push", "--quiet", f"localhost/{image}", f"docker-archive:{place}:docker.io/{image}")
    return place


def base() -> None:
    """Debian with its Python, where no registry of images is: made once."""
    if BASE in run("buildah", "images", "--format={{.Name}}:{{.Tag}}"):
        return
    with tempfile.TemporaryDirectory(prefix="guanxi-base-") as made:
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", made, mirror_of_debian())
        for left in LEFT_BY_DEBOOTSTRAP:
            shutil.rmtree(Path(made) / left, ignore_errors=True)
        (Path(made) / "etc/apt/sources.list").unlink(missing_ok=True)
        container = run("buildah", "from", "scratch").strip()
        run("buildah", "add", "--quiet", container, made, "/")
        run("buildah", "config", "--env=PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        run("buildah", "commit", "--quiet", container, BASE)
        run("buildah", "rm", container)


def mirror_of_debian() -> str:
    """Where this machine has its own packages from."""
    lines = [line for file in Path("/etc/apt").rglob("*.sources") for line in file.read_text().splitlines()]
    return next(line.split()[1] for line in lines if line.startswith("URIs:"))


if __name__ == "__main__":
    sys.exit(main())
