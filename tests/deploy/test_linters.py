"""What others know to be unwise in a Dockerfile or in YAML is in none of ours."""

import subprocess

import pytest

from tests.conftest import ROOT
from tests.deploy.rendered import BIN

DOCKERFILES = sorted(ROOT.glob("deploy/**/Dockerfile"))
RULES = (
    "{extends: default, rules: {line-length: {max: 160}, document-start: disable, braces: disable, comments: disable}}"
)
LAID_OUT_BY_US = [
    path for path in sorted(ROOT.glob("deploy/**/*.yaml")) if path.name not in ("resources.yaml", "rules.yaml")
]
"""But for what is rendered."""


def said_by(*command: object) -> tuple[int, str]:
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_hadolint_finds_nothing(dockerfile: object) -> None:
    assert said_by(BIN / "hadolint", dockerfile) == (0, "")


def test_yamllint_finds_nothing() -> None:
    assert said_by(BIN / "yamllint", "--strict", "--config-data", RULES, *LAID_OUT_BY_US) == (0, "")
