"""Brings the databases of several apps up to date, one after the other: what migrations need is loaded once.

`python -m guanxi.local.migrating` reads `{package: owner's address}` as JSON.
"""

import json
import sys

from libs.common.migrations import upgrade
from libs.common.revisions import migrations_of


def main() -> None:
    for package, address in json.load(sys.stdin).items():
        try:
            upgrade(migrations_of(package), address)
        except Exception as error:  # noqa: BLE001 - told to the caller, who says it in a sentence
            first, *_ = str(error).splitlines() or [""]
            sys.exit(f"{package}: {type(error).__name__}: {first}")


if __name__ == "__main__":
    main()
