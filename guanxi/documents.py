"""Documents of the published language, made from `libs/contracts`: `python -m guanxi.documents write|check|release`."""

import argparse
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from guanxi.asyncapi import Record, document, records
from guanxi.compatibility import broken

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "events"
RELEASED = PurePosixPath("released.json")
"""What the last release promised, later ones keep (`guanxi/compatibility.py`)."""
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def render() -> dict[PurePosixPath, str]:
    """Every document by its path below `docs/events`."""
    schemas = {PurePosixPath(f"schemas/{record.type}.json"): _text(_schema(record)) for record in records()}
    return {PurePosixPath("asyncapi.json"): _text(document()), **schemas}


def write(folder: Path) -> None:
    """Bring the documents in a folder up to date; those of what is published no longer are removed."""
    wanted = render()
    for path in _kept(folder) - set(wanted):
        (folder / path).unlink()
    for path, text in wanted.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def stale(folder: Path) -> list[str]:
    """The documents that are missing, superfluous or differ from what the contracts say now."""
    wanted, kept = render(), _kept(folder)
    differing = {path for path in kept & set(wanted) if (folder / path).read_text() != wanted[path]}
    return sorted(str(path) for path in (kept ^ set(wanted)) | differing)


def _kept(folder: Path) -> set[PurePosixPath]:
    return {PurePosixPath(path.relative_to(folder).as_posix()) for path in folder.rglob("*.json")} - {RELEASED}


def _schema(record: Record) -> dict[str, Any]:
    return {"$schema": DRAFT, **TypeAdapter(record.shape).json_schema(mode=record.mode)}


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m guanxi.documents", description=__doc__)
    parser.add_argument("action", choices=["write", "check", "release"])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args()
    if asked.action == "write":
        write(asked.folder)
    elif asked.action == "release":
        released = asked.folder / RELEASED
        if released.exists() and (lost := broken(json.loads(released.read_text()), document())):
            sys.exit("\n".join(["what the last release promised is not kept:", *lost]))
        released.write_text(_text(document()))
    elif outdated := stale(asked.folder):
        sys.exit(f"`make docs` writes these anew: {', '.join(outdated)}")


if __name__ == "__main__":
    main()
