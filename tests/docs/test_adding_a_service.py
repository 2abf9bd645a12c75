"""The guide to a service of one's own is true: its blocks make one, and every rule of the architecture holds for it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deploy.rendered import BIN

pytestmark = pytest.mark.deep

GUIDE = ROOT / "docs" / "adding-a-service.md"
BLOCK = re.compile(r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LIST = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
ENOUGH = 20
"""Blocks, at least."""
CHECKS = (
    [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture"],
    [str(BIN / "ruff"), "check", "."],
    [str(BIN / "mypy"), "services/appointments", "libs/contracts"],
    [str(BIN / "lint-imports"), "--no-cache"],
    [str(BIN / "kubectl"), "kustomize", "deploy/k8s/base"],
    [str(BIN / "kubectl"), "kustomize", "deploy/k8s/migrate"],
)


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    file: str | None

    def run(self, root: Path) -> None:
        if self.file is not None:
            place = root / self.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.text)
        elif self.kind == "diff":
            run(root, ["git", "apply", "--whitespace=nowarn", "-"], told=self.text)
        else:
            assert self.kind == "sh", f"a block of {self.kind} that names no file"
            run(root, ["bash", "-eu", "-c", self.text])


def blocks() -> Iterator[Block]:
    for found in BLOCK.finditer(GUIDE.read_text()):
        yield Block(found["kind"], found["text"], found["file"])


def run(root: Path, command: list[str], told: str = "") -> str:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "HOME": str(root)}
    done = subprocess.run(command, input=told, cwd=root, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is under version control, or will be, with the new service in it."""
    root = tmp_path_factory.mktemp("guide") / "tree"
    kept = subprocess.run([*LIST, "-z"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - git
    for name in filter(None, kept.stdout.split("\0")):
        if (ROOT / name).is_file():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((ROOT / name).read_bytes())
    found = list(blocks())
    assert len(found) >= ENOUGH
    for block in found:
        block.run(root)
    return root


@pytest.mark.parametrize("command", CHECKS, ids=lambda command: " ".join(command[-2:]))
def test_what_the_guide_makes_keeps_every_rule(tree: Path, command: list[str]) -> None:
    assert (tree / "services" / "appointments" / "main.py").exists()
    run(tree, command)
