"""The code as syntax trees, and findings in it that name their place."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("services", "gateway", "libs", "guanxi")
EVERYTHING = (*PRODUCT, "tests", "bench", "examples")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Source:
    """A Python file; `path` is relative to the root that it was found below."""

    path: Path
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def finding(self, node: ast.AST | int, what: str) -> Finding:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(str(self.path), line, what)


def sources(root: Path, *patterns: str) -> Iterator[Source]:
    """Python files below `root` whose path starts with one of the patterns, such as `services/*/domain`."""
    for pattern in patterns:
        for start in sorted(root.glob(pattern)):
            for path in [start] if start.is_file() else sorted(start.rglob("*.py")):
                yield Source(path.relative_to(root), path.read_text())


def services(root: Path) -> list[Path]:
    return sorted(path for path in (root / "services").iterdir() if (path / "__init__.py").exists())


def dotted(node: ast.AST) -> str:
    """`self.session.commit` of such an expression; what is no name in it becomes empty."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value)}.{attr}"
        case _:
            return ""


def none(findings: Iterable[Finding]) -> None:
    """Fail with every finding on a line of its own."""
    found = sorted(findings)
    assert not found, "\n" + "\n".join(map(str, found))


def write(root: Path, path: str, text: str) -> None:
    """A sample file for a rule to judge."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
