"""The alert rules for the Prometheus operator: `python -m guanxi.cluster.rules`, written by `make docs`."""

from pathlib import Path

import yaml

ALERTS = Path(__file__).resolve().parents[2] / "deploy" / "observability" / "alerts.yaml"


def rules() -> str:
    """A PrometheusRule with every group of the file that a Prometheus of one's own loads."""
    labels = {"release": "prometheus"}
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "guanxi", "labels": labels},
        "spec": yaml.safe_load(ALERTS.read_text()),
    }
    return "# Written by `make docs` from deploy/observability/alerts.yaml.\n" + yaml.safe_dump(rule, sort_keys=False)


if __name__ == "__main__":
    print(rules(), end="")  # noqa: T201 - this is its output
