"""What two services both need stands in libs once: no six statements in a row are the same in both."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, Finding, Source, none, sources, write

IN_A_ROW = 6
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def repeated(root: Path) -> Iterator[Finding]:
    places: dict[tuple[str, ...], list[tuple[Source, int]]] = defaultdict(list)
    for source in sources(root, "services"):
        if "migrations" in source.path.parts:
            continue
        lines = list(statements(source.tree.body))
        for start in range(len(lines) - IN_A_ROW + 1):
            window = lines[start : start + IN_A_ROW]
            places[tuple(text for text, _ in window)].append((source, window[0][1]))
    for found in places.values():
        if len({source.path.parts[1] for source, _ in found}) > 1:
            where = ", ".join(f"{source.path}:{line}" for source, line in found[1:])
            yield found[0][0].finding(found[0][1], f"these {IN_A_ROW} statements stand again at {where}")


def statements(body: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """Every statement, outer before inner, as text without layout or comments, and its line.

    Imports and docstrings are left out: they repeat by nature.
    """
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) or _is_docstring(node):
            continue
        if isinstance(node, ast.stmt):
            yield _head(node), node.lineno
        for block in BLOCKS:
            yield from statements(getattr(node, block, []))


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _head(node: ast.stmt) -> str:
    return f"{type(node).__name__} {[_text(value) for name, value in ast.iter_fields(node) if name not in BLOCKS]}"


def _text(value: object) -> str:
    if isinstance(value, list):
        return str([_text(item) for item in value])
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def test_no_two_services_repeat_each_other() -> None:
    none(repeated(ROOT))


SAMPLE = '''
import decimal

def interest(principal, rate, days):
    """Whatever this says."""
    if days < 0:
        raise ValueError(days)
    year = 360
    for day in range(days):
        principal += principal * rate / year
    return principal
'''


def test_six_statements_in_two_services_are_found_whatever_their_layout(tmp_path: Path) -> None:
    write(tmp_path, "services/lending/domain/interest.py", SAMPLE)
    write(
        tmp_path, "services/saving/domain/interest.py", SAMPLE.replace("year = 360", "year = (\n        360)  # days")
    )
    found = [str(finding) for finding in repeated(tmp_path)]
    assert found[0] == (
        "services/lending/domain/interest.py:4: these 6 statements stand again at services/saving/domain/interest.py:4"
    )


def test_five_statements_or_one_service_alone_are_not_found(tmp_path: Path) -> None:
    five = SAMPLE.replace("    return principal\n", "").replace("    year = 360\n", "")
    write(tmp_path, "services/lending/domain/interest.py", five)
    write(tmp_path, "services/saving/domain/interest.py", five)
    write(tmp_path, "services/paying/domain/interest.py", SAMPLE)
    write(tmp_path, "services/paying/domain/fees.py", SAMPLE)
    assert list(repeated(tmp_path)) == []
