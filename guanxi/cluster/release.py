"""What one release applies to a cluster: topics, migrations, then the bank's overlay, each a folder for kustomize.

A Job cannot be changed, so those of a release bear its name. Images are named by digest: a tag may be another tomorrow.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from guanxi.local.settings import APPS

JOBS = {"topics": ("topics",), "migrate": tuple(f"{app}-migrate" for app in APPS)}
IMAGES = tuple(f"guanxi/{name}" for name in (*APPS, "operator"))
_RELEASE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?")
_IMAGE = re.compile(r"(?P<image>[^=\s]+)=(?P<name>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})")


class NoRelease(ValueError):
    """The message says what is wrong with what was given."""


def read_images(lines: Iterable[str]) -> dict[str, tuple[str, str]]:
    """`guanxi/customer=registry.bank.example/guanxi/customer@sha256:…`, a line each: image → name and digest.

    Raises:
        NoRelease: a line is none such, or an image is missing.
    """
    found = {}
    for line in filter(None, map(str.strip, lines)):
        told = _IMAGE.fullmatch(line)
        if told is None:
            raise NoRelease(f"{line}: name an image as guanxi/customer=registry/guanxi/customer@sha256:<64 digits>.")
        found[told["image"]] = told["name"], told["digest"]
    if missing := [image for image in IMAGES if image not in found]:
        raise NoRelease(f"Nothing is said of: {', '.join(missing)}.")
    return found


def write_release(
    release: str, images: Mapping[str, tuple[str, str]], *, manifests: Path, overlay: Path, to: Path
) -> None:
    """Write the folders `topics`, `migrate` and `apps` below `to`; `manifests` is deploy/k8s.

    Raises:
        NoRelease: Kubernetes would not take its name, or what it is made of is not here.
    """
    if not _RELEASE.fullmatch(release):
        raise NoRelease(f"{release}: a release is named by at most 40 of a-z, 0-9, - and ., such as 2026-11-28.")
    bases = {**{name: manifests / name for name in JOBS}, "apps": overlay}
    if missing := [str(base) for base in bases.values() if not base.is_dir()]:
        raise NoRelease(f"There is no {', no '.join(missing)} here: write a release in a checkout of its version.")
    named = [{"name": image, "newName": name, "digest": digest} for image, (name, digest) in images.items()]
    for folder, base in bases.items():
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(base, to / folder)],
            "images": named,
            "patches": [_renamed(job, f"{job}-{release}") for job in JOBS.get(folder, ())],
        }
        (to / folder).mkdir(parents=True, exist_ok=True)
        (to / folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization, sort_keys=False))


def _renamed(job: str, name: str) -> dict[str, object]:
    patch = yaml.safe_dump([{"op": "replace", "path": "/metadata/name", "value": name}])
    return {"target": {"kind": "Job", "name": job}, "patch": patch, "options": {"allowNameChange": True}}
