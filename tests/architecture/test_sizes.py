import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import EVERYTHING, ROOT, Finding, none, sources, write

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
VAGUE = {"utils", "util", "helpers", "helper", "base", "service", "models", "common_utils", "misc"}


def too_long_files(root: Path) -> Iterator[Finding]:
    for source in sources(root, *EVERYTHING):
        count = len(source.text.splitlines())
        if count > LONGEST_FILE:
            yield source.finding(count, f"the file has {count} lines; {LONGEST_FILE} is the most")


def too_long_functions(root: Path) -> Iterator[Finding]:
    for source in sources(root, *EVERYTHING):
        for node in ast.walk(source.tree):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > LONGEST_FUNCTION:
                yield source.finding(node, f"{node.name} has {count} lines; {LONGEST_FUNCTION} is the most")


def vague_names(root: Path) -> Iterator[Finding]:
    for source in sources(root, *EVERYTHING):
        if VAGUE & {*source.path.with_suffix("").parts}:
            yield source.finding(1, "the name says nothing about what is inside")


def test_no_file_is_long() -> None:
    none(too_long_files(ROOT))


def test_no_function_is_long() -> None:
    none(too_long_functions(ROOT))


def test_every_file_is_named_after_what_is_inside() -> None:
    none(vague_names(ROOT))


def test_a_file_of_301_lines_is_found(tmp_path: Path) -> None:
    write(tmp_path, "libs/a.py", "x = 1\n" * 301)
    write(tmp_path, "libs/b.py", "x = 1\n" * 300)
    assert [str(found) for found in too_long_files(tmp_path)] == [
        "libs/a.py:301: the file has 301 lines; 300 is the most"
    ]


def test_a_function_of_41_lines_is_found(tmp_path: Path) -> None:
    write(tmp_path, "libs/a.py", "\n@cached\nasync def long():\n" + "    x = 1\n" * 40)
    write(tmp_path, "libs/b.py", "def fits():\n" + "    x = 1\n" * 39)
    assert [str(found) for found in too_long_functions(tmp_path)] == ["libs/a.py:3: long has 41 lines; 40 is the most"]


def test_a_vague_name_is_found_as_a_file_and_as_a_folder(tmp_path: Path) -> None:
    for path in ("services/x/utils.py", "libs/helpers/dates.py", "services/x/servicing.py"):
        write(tmp_path, path, "")
    assert [found.path for found in vague_names(tmp_path)] == ["services/x/utils.py", "libs/helpers/dates.py"]
