"""The rules of .importlinter hold, cover every service, and each of them breaks on one bad import."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, services, write

RULES = ROOT / ".importlinter"
PARTS = ("main", "worker", "settings", "event_handlers", "api/a", "use_cases/u", "storage/s", "domain/d")
LIBS = (
    *("common/announcements", "common/domain", "common/topics", "directory/scope"),
    *(f"contracts/{name}" for name in ("catalogue", "core", "references", "sections")),
)
BREACHES = {
    "layers": ("services/customer/domain/d.py", "import services.customer.storage.s"),
    "independence": ("services/customer/api/a.py", "import services.manager.api.a"),
    "order": ("guanxi/demo.py", "import services.customer.main"),
    "libs": ("libs/common/topics.py", "import libs.directory.scope"),
    "pure": ("services/manager/domain/d.py", "import sqlalchemy"),
    "transport": ("services/manager/use_cases/u.py", "import httpx"),
    "customer": ("services/manager/domain/d.py", "import libs.contracts.customer"),
    "manager": ("services/customer/api/a.py", "import libs.contracts.manager"),
    "complaints": ("services/customer/use_cases/u.py", "import libs.contracts.complaints"),
    "marketing": ("services/customer/use_cases/u.py", "import libs.contracts.marketing"),
    "scoring": ("services/customer/use_cases/u.py", "import libs.contracts.scoring"),
    "readers": ("services/customer/storage/s.py", "import libs.contracts.sections"),
}
"""Rule → a file and an import in it that the rule forbids."""


def rules() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.read(RULES)
    prefix = "importlinter:contract:"
    return {name.removeprefix(prefix): dict(parser[name]) for name in parser.sections() if name.startswith(prefix)}


def a_tree(root: Path) -> None:
    """Every module that the rules name, empty."""
    names = [service.name for service in services(ROOT)]
    paths = [f"services/{name}/{part}.py" for name in names for part in PARTS]
    paths += [f"libs/{path}.py" for path in LIBS] + [f"libs/contracts/{name}.py" for name in names]
    for path in [*paths, "gateway/main.py", "guanxi/demo.py"]:
        write(root, path, "")
        for folder in Path(path).parents[:-1]:
            write(root, f"{folder}/__init__.py", "")


def lint(root: Path, rule: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(RULES)]
    command += ["--contract", rule] if rule else []
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=env)  # noqa: S603 - ours


def test_the_code_keeps_every_rule() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_rule_is_shown_to_break_here() -> None:
    assert set(rules()) == set(BREACHES)


def test_the_contract_of_every_service_is_protected() -> None:
    for service in services(ROOT):
        rule = rules()[service.name]
        assert rule["protected_modules"].split() == [f"libs.contracts.{service.name}"]
        allowed = {f"services.{service.name}", "services.*.event_handlers", "gateway", "guanxi", "libs"}
        assert set(rule["allowed_importers"].split()) == allowed


def test_an_empty_tree_keeps_every_rule(tmp_path: Path) -> None:
    a_tree(tmp_path)
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout


def test_one_bad_import_breaks_each_rule(tmp_path: Path) -> None:
    for rule, (path, bad) in BREACHES.items():
        root = tmp_path / rule
        a_tree(root)
        write(root, path, f"{bad}\n")
        done = lint(root, rule)
        assert done.returncode == 1, f"{rule}: {done.stdout}"
        assert path.removesuffix(".py").replace("/", ".") in done.stdout, rule
        assert f"{rules()[rule]['name']} BROKEN" in done.stdout, rule


def test_a_part_beside_the_layers_breaks_the_layers(tmp_path: Path) -> None:
    a_tree(tmp_path)
    write(tmp_path, "services/customer/helpers.py", "")
    done = lint(tmp_path, "layers")
    assert done.returncode == 1
    assert "services.customer.helpers" in done.stdout
