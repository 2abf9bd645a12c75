"""`docs/api/openapi.json`: one document for all APIs, as the gateway answers it; `python -m gateway.documents write`.

It is made from the apps as they are built for running, with settings that reach nobody.
"""

import argparse
import importlib
import json
import tempfile
from pathlib import Path
from typing import Any

from gateway.compatibility import broken
from gateway.docs import merge
from gateway.settings import LIMITS
from libs.common.keyring import KeyRing
from libs.common.settings import Settings

PLACE = Path(__file__).resolve().parents[1] / "docs" / "api" / "openapi.json"
RELEASED = PLACE.with_name("released.json")
"""The last release's: what it promised, later ones keep (`gateway/compatibility.py`)."""
PACKAGES = {
    "gateway": "gateway",
    "customer": "services.customer",
    "manager": "services.manager",
    "complaints": "services.complaints",
    "marketing": "services.marketing",
    "scoring": "services.scoring",
}


def document() -> dict[str, Any]:
    """What `/openapi.json` answers when every service does."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder)
        KeyRing.generate(keys / "ring.json")
        return merge({name: _app(name, package, keys).document() for name, package in PACKAGES.items()}, LIMITS)


def _app(name: str, package: str, keys: Path) -> Any:
    settings = importlib.import_module(f"{package}.settings")
    kind = [each for each in vars(settings).values() if isinstance(each, type) and issubclass(each, Settings)][-1]
    values = {
        "service": name,
        "mode": "development",
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "issuers": [{"issuer": "https://login.bank.example"}],
        "keyring": keys / "ring.json",
        "shared_keyring": keys / "ring.json",
        "upstreams": {},
    }
    return importlib.import_module(f"{package}.main").app(kind.model_validate(values))


def render() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="The OpenAPI document of all APIs.")
    parser.add_argument("action", choices=["write", "check", "release"])
    action = parser.parse_args().action
    if action == "write":
        PLACE.parent.mkdir(parents=True, exist_ok=True)
        PLACE.write_text(render())
    elif action == "release":
        if RELEASED.exists() and (lost := broken(json.loads(RELEASED.read_text()), document())):
            raise SystemExit("\n".join(["what the last release promised is not kept:", *lost]))
        RELEASED.write_text(json.dumps(document(), ensure_ascii=False, sort_keys=True) + "\n")
    elif not PLACE.exists() or PLACE.read_text() != render():
        raise SystemExit(f"{PLACE.name} is stale: run `make docs`")


if __name__ == "__main__":
    main()
