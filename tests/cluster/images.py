"""Images of our own, from this machine's packages alone: what deploy/images.sh makes of Debian and its Python."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster.tools import KEPT, run
from tests.conftest import ROOT
from tests.deploy.rendered import resources

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


def build_images() -> None:
    """All that deploy/images.sh builds, as localhost/guanxi/<app>:dev of buildah's and podman's storage."""
    base()
    bound = [f"--volume={place}:{place}:ro" for place in BOUND if Path(place).exists()]
    bundle = f"REQUESTS_CA_BUNDLE={CERTIFICATES}/ca-certificates.crt"
    options = ["--isolation=chroot", "--network=host", "--pull-never", *bound, f"--build-arg={bundle}"]
    told = {"ENGINE": "buildah", "PYTHON": BASE, "BUILD_OPTIONS": " ".join(options), "BUILDAH_ISOLATION": "chroot"}
    subprocess.run([ROOT / "deploy" / "images.sh"], env={**os.environ, **told}, check=True)  # noqa: S603 - ours


def archives(overlay: str) -> list[Path]:
    """Of every image that it names."""
    pods = [each["spec"]["template"]["spec"] for each in resources(overlay, "Deployment", "StatefulSet", "Job")]
    return [archive_of(image) for image in sorted({each["image"] for pod in pods for each in pod["containers"]})]


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
