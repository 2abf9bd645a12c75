"""docs/runbook.md as its tests read it: blocks of commands, and who runs them."""

import re
from dataclasses import dataclass

from tests.conftest import ROOT

PART = re.compile(r"^## (?P<heading>.*)\n(?P<text>(?:(?!## ).*\n)*)", re.MULTILINE)
BLOCK = re.compile(r"^```bash(?P<how>.*)\n(?P<commands>(?:.*\n)+?)```$", re.MULTILINE)
ELSEWHERE = "run by "


@dataclass(frozen=True)
class Block:
    heading: str
    how: str
    commands: str


def blocks() -> list[Block]:
    text = (ROOT / "docs" / "runbook.md").read_text()
    found = [
        Block(part["heading"], each["how"].strip(), each["commands"])
        for part in PART.finditer(text)
        for each in BLOCK.finditer(part["text"])
    ]
    assert len(found) == text.count("```") / 2, "a block of another language, or one that does not end"
    return found


def block_of(heading: str, test: str, program: str = "") -> str:
    """The commands under a heading that this test runs; by a program of theirs, where there are more such blocks."""
    here = [each.commands for each in blocks() if (each.heading, each.how) == (heading, ELSEWHERE + test)]
    (found,) = [commands for commands in here if program in commands]
    return found
