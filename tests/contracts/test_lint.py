"""The documents as linters of their field see them: Redocly's for OpenAPI, AsyncAPI's own parser for the events."""

import asyncio
import json
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.node import NODE, installed

SOURCE = ROOT / "tests" / "lint"
DOCUMENTS = {"openapi": ROOT / "docs" / "api" / "openapi.json", "asyncapi": ROOT / "docs" / "events" / "asyncapi.json"}


async def said(kind: str, document: Path) -> list[dict[str, Any]]:
    """Everything, advice as well as errors."""
    program = await installed(SOURCE, "lint.mjs")
    argv = [NODE, program, kind, document]
    process = await asyncio.create_subprocess_exec(*argv, cwd=program.parent, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_linter_of_the_field_has_nothing_to_say(kind: str) -> None:
    assert await said(kind, DOCUMENTS[kind]) == []


@pytest.mark.parametrize(
    ("kind", "place"), [("openapi", ("paths", "/api/v1/complaints", "get", "responses")), ("asyncapi", ("channels",))]
)
async def test_it_finds_what_is_missing(kind: str, place: tuple[str, ...], tmp_path: Path) -> None:
    document = json.loads(DOCUMENTS[kind].read_text())
    within = document
    for step in place[:-1]:
        within = within[step]
    del within[place[-1]]
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(document))
    assert await said(kind, broken)
