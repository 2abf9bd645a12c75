"""The glossary speaks the language of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import PRODUCT, ROOT, Finding, none, write

GLOSSARY = "docs/glossary.md"
QUOTED = re.compile(r"`([^`]+)`")
NAMES = re.compile(r"[\w.:/-]+")


def unknown_words(root: Path) -> Iterator[Finding]:
    """Quoted words of the glossary that neither the code nor its tree knows. What is no plain name is left out."""
    code = _code(root)
    for line, text in enumerate((root / GLOSSARY).read_text().splitlines(), 1):
        for word in QUOTED.findall(text):
            if NAMES.fullmatch(word) and not _is_known(word, code) and not (root / word).exists():
                yield Finding(GLOSSARY, line, f"`{word}` stands nowhere in the code")


def _is_known(word: str, code: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code) is not None


def _code(root: Path) -> str:
    files = [path for folder in PRODUCT for kind in ("py", "sql") for path in (root / folder).rglob(f"*.{kind}")]
    return "\n".join(path.read_text() for path in sorted(files))


def test_every_word_of_the_glossary_stands_in_the_code() -> None:
    none(unknown_words(ROOT))


def test_a_word_that_the_code_does_not_know_is_found(tmp_path: Path) -> None:
    write(tmp_path, "libs/lending.py", "class Loan:\n    due_at: str\n")
    write(tmp_path, GLOSSARY, "| loan | `Loan`, `due_at`, `libs/lending.py` |\n| debt | `Debt`, `Loa`, `/a/…/` |\n")
    assert [str(found) for found in unknown_words(tmp_path)] == [
        f"{GLOSSARY}:2: `Debt` stands nowhere in the code",
        f"{GLOSSARY}:2: `Loa` stands nowhere in the code",
    ]
