"""The environment is read by settings; the time is handed in."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import PRODUCT, ROOT, Finding, Source, dotted, none, sources, write

ENVIRONMENT = {"os.environ", "os.getenv", "os.putenv", "os.environb"}
CLOCKS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today"),
    *("time.time", "time.time_ns", "time.monotonic", "Clock"),
}
RULES = ("services/*/domain", "services/*/use_cases")


def environment_readers(root: Path) -> Iterator[Finding]:
    for source in sources(root, *PRODUCT):
        if source.path.stem.endswith("settings"):
            continue
        for node in ast.walk(source.tree):
            if dotted(node) in ENVIRONMENT and not _path_of_a_child(source, node):
                yield source.finding(node, f"{dotted(node)}: settings alone read the environment")
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                for name in node.names:
                    if f"os.{name.name}" in ENVIRONMENT:
                        yield source.finding(node, f"os.{name.name}: settings alone read the environment")


def _path_of_a_child(source: Source, node: ast.AST) -> bool:
    """The local stack hands PATH, and nothing else, on to the servers that it starts."""
    line = source.text.splitlines()[getattr(node, "lineno", 1) - 1]
    return source.path.parts[:2] == ("guanxi", "local") and 'os.environ.get("PATH"' in line


def clock_readers(root: Path) -> Iterator[Finding]:
    for source in sources(root, *RULES):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and dotted(node.func) in CLOCKS:
                yield source.finding(node, f"{dotted(node.func)}(): rules take the time as an argument")


def test_settings_alone_read_the_environment() -> None:
    none(environment_readers(ROOT))


def test_domains_and_use_cases_never_ask_for_the_time() -> None:
    none(clock_readers(ROOT))


def test_a_reader_of_the_environment_is_found(tmp_path: Path) -> None:
    write(tmp_path, "libs/a.py", "import os\nfrom os import environ\nx = os.environ['X']\ny = os.getenv('Y')\n")
    write(tmp_path, "guanxi/local/b.py", 'env = {"PATH": os.environ.get("PATH", os.defpath)}\nos.environ.get("HOME")\n')
    write(tmp_path, "services/lending/settings.py", "import os\nx = os.environ['X']\n")
    found = [(finding.path, finding.line) for finding in environment_readers(tmp_path)]
    assert sorted(found) == [("guanxi/local/b.py", 2), ("libs/a.py", 2), ("libs/a.py", 3), ("libs/a.py", 4)]


def test_a_rule_that_asks_for_the_time_is_found(tmp_path: Path) -> None:
    write(
        tmp_path, "services/lending/domain/loan.py", "due = datetime.now(UTC)\nday = date.today()\nat = clock.now()\n"
    )
    write(tmp_path, "services/lending/api/loans.py", "seen = datetime.now(UTC)\n")
    assert [(finding.path, finding.line) for finding in clock_readers(tmp_path)] == [
        ("services/lending/domain/loan.py", 1),
        ("services/lending/domain/loan.py", 2),
    ]
