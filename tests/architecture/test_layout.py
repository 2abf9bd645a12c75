"""All services are laid out alike. That no module stands beside the layers is said in .importlinter as well."""

from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, Finding, none, services, write

PARTS = {"__init__.py", "api", "domain", "event_handlers.py", "main.py", "settings.py", "storage", "use_cases"}
PARTS |= {"worker.py"}
OPTIONAL = {"analysis", "README.md", "__pycache__"}
PACKAGES = ("api", "domain", "storage", "use_cases")
STORAGE = ("tables.py", "repository.py", "queries.py", "section.py", "migrations/env.py", "migrations/versions")


def misplaced(root: Path) -> Iterator[Finding]:
    for service in services(root):
        names = {path.name for path in service.iterdir()}
        wanted = [*sorted(PARTS), *[f"{name}/__init__.py" for name in PACKAGES], *[f"storage/{n}" for n in STORAGE]]
        for name in sorted(names - PARTS - OPTIONAL):
            yield _at(root, service / name, "no service has such a part")
        for name in wanted:
            if not (service / name).exists():
                yield _at(root, service / name, "every service has this part")


def _at(root: Path, path: Path, what: str) -> Finding:
    return Finding(str(path.relative_to(root)), 1, what)


def a_service(root: Path, name: str) -> None:
    for part in sorted(PARTS):
        write(root, f"services/{name}/{part}" if part.endswith(".py") else f"services/{name}/{part}/__init__.py", "")
    for part in STORAGE:
        write(root, f"services/{name}/storage/{part if part.endswith('.py') else part + '/0001_begin.py'}", "")


def test_all_services_are_laid_out_alike() -> None:
    assert services(ROOT)
    none(misplaced(ROOT))


def test_a_whole_service_is_not_found(tmp_path: Path) -> None:
    a_service(tmp_path, "lending")
    assert list(misplaced(tmp_path)) == []


def test_a_part_too_many_and_a_part_too_few_are_found(tmp_path: Path) -> None:
    a_service(tmp_path, "lending")
    write(tmp_path, "services/lending/helpers/__init__.py", "")
    (tmp_path / "services/lending/worker.py").unlink()
    (tmp_path / "services/lending/storage/queries.py").unlink()
    assert [str(found) for found in misplaced(tmp_path)] == [
        "services/lending/helpers:1: no service has such a part",
        "services/lending/worker.py:1: every service has this part",
        "services/lending/storage/queries.py:1: every service has this part",
    ]
