"""What goes wrong at the command line is said in one sentence, with its own exit status."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from libs.common.keyring import KeyRing
from tests.ports import free_port, free_ports_in_a_row

NAMES = ("GUANXI_POSTGRES_PORT", "GUANXI_KAFKA_PORT", "GUANXI_KAFKA_CONTROLLER_PORT")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a machine on which nothing was ever started."""
    ports = {"GUANXI_BASE_PORT": str(free_ports_in_a_row(60)), **{name: str(free_port()) for name in NAMES}}
    return {"PATH": os.environ["PATH"], "GUANXI_HOME": str(tmp_path / "home"), "COLUMNS": "300", **ports}


def guanxi(environment: dict[str, str], *argv: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "guanxi.cli", *argv]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (("token", "--role", "teller", "--staff", "x"), os.EX_CONFIG, "start `guanxi up` first"),
        (("token", "--role", "wizard", "--staff", "x"), 2, "unknown: wizard"),
        (("token", "--role", "teller"), 2, "one of --staff, --customer and --partner"),
        (("token", "--staff", "x", "--customer", "y"), 2, "one of --staff, --customer and --partner"),
        (("token", "--staff", "x"), 2, "at least one --role"),
        (("token", "--partner", "x"), os.EX_CONFIG, "start `guanxi up` first"),
        (("sections", "republish", "--app", "gateway"), 2, "gateway publishes nothing"),
        (("rebuild", "moods", "view"), 2, "unknown: moods"),
        (("audit", "verify"), os.EX_UNAVAILABLE, "start `guanxi up`"),
        (("topics", "apply"), os.EX_UNAVAILABLE, "start `guanxi up`"),
        (("import", "berka", "/nowhere"), os.EX_NOINPUT, "lacks fin_district.tsv"),
        (("dlq", "list"), os.EX_UNAVAILABLE, "start `guanxi up`"),
        (("rebuild", "gateway", "view"), os.EX_UNAVAILABLE, "start `guanxi up`"),
        (("reconcile", "customer"), os.EX_UNAVAILABLE, "start `guanxi up`"),
        (("reconcile", "gateway"), 2, "gateway tells the world of no events"),
        (("replay", "--app", "customer", "--since", "2999-01-01"), os.EX_UNAVAILABLE, "start `guanxi up`"),
        (("up", "--replicas", "2"), 2, "are for --split"),
        (("dlq", "list", "--app", "gateway"), 2, "gateway sets nothing aside"),
        (("dlq", "retry"), 2, "ask for --all"),
        (("demo", "--customers", "3"), os.EX_UNAVAILABLE, "start `guanxi up` first"),
        (("doctor",), 1, "nothing listens"),
        (("database", "customer", "--server", "nowhere"), os.EX_CONFIG, "--server is no address"),
    ],
)
def test_a_failure_is_one_sentence(environment: dict[str, str], argv: tuple[str, ...], status: int, says: str) -> None:
    ended, said = guanxi(environment, *argv)
    assert ended == status, said
    assert says in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "value", "status", "says"),
    [
        ("BROKER", "nowhere", os.EX_CONFIG, "write it as host:port"),
        ("BROKER", "127.0.0.1:1", os.EX_UNAVAILABLE, "No Kafka answers at BROKER=127.0.0.1:1"),
        ("POSTGRES", "nowhere", os.EX_CONFIG, "write it as postgresql://"),
        ("POSTGRES", "postgresql://u:secret@127.0.0.1:1/postgres", os.EX_UNAVAILABLE, "lets us in at 127.0.0.1:1"),
    ],
)
def test_a_server_that_is_named_and_does_not_answer(
    environment: dict[str, str], name: str, value: str, status: int, says: str
) -> None:
    ended, said = guanxi({**environment, name: value}, "up")
    assert ended == status, said
    assert says in said
    assert "secret" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["BROKER", "POSTGRES"])
def test_without_a_container_engine_testcontainers_is_one_sentence(environment: dict[str, str], name: str) -> None:
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:1"}
    ended, said = guanxi({**environment, **nowhere, name: "testcontainers"}, "up")
    assert ended == os.EX_NOHOST, said
    assert "No container engine answers" in said
    assert len(said.strip().splitlines()) == 1, said


def test_a_taken_port_is_named_before_anything_starts(environment: dict[str, str], tmp_path: Path) -> None:
    base = free_ports_in_a_row(60)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", base + 11))
        holder.listen()
        ended, said = guanxi({**environment, "GUANXI_BASE_PORT": str(base)}, "up")
    assert ended == os.EX_OSERR, said
    assert f"Port {base + 11} on 127.0.0.1 is already taken" in said
    assert "GUANXI_BASE_PORT" in said
    assert not (tmp_path / "home" / "postgres").exists()


def test_migrations_run_without_the_stack_and_again_change_nothing(environment: dict[str, str]) -> None:
    for _ in range(2):
        assert guanxi(environment, "migrate") == (0, "every database is up to date\n")


@pytest.mark.parametrize(
    "argv",
    [(), ("up",), ("token",), ("migrate",), ("doctor",), ("topics", "apply"), ("sections",), ("rebuild",), ("import",)],
)
def test_every_command_explains_itself(environment: dict[str, str], argv: tuple[str, ...]) -> None:
    status, said = guanxi(environment, *argv, "--help")
    assert status == 0
    assert "Usage:" in said


def test_topics_and_rights_are_rendered_for_a_cluster_that_others_run(
    environment: dict[str, str], tmp_path: Path
) -> None:
    partners = tmp_path / "partners.toml"
    partners.write_text('[partners.acme]\ntopics = ["crm.customer.events.v1"]\n')
    argv = ("topics", "render", "--cluster", "bank", "--partners", str(partners))
    status, said = guanxi(environment, *argv)
    assert status == 0
    resources = list(yaml.safe_load_all(said))
    assert {resource["metadata"]["labels"]["strimzi.io/cluster"] for resource in resources} == {"bank"}
    users = [resource["metadata"]["name"] for resource in resources if resource["kind"] == "KafkaUser"]
    assert "partner-acme" in users
    partners.write_text('[partners.acme]\ntopics = ["crm.audit.v1"]\n')
    status, said = guanxi(environment, *argv)
    assert (status, "is not for partners" in said) == (2, True)


def test_a_key_is_not_retired_without_a_look_at_what_is_under_it(environment: dict[str, str], tmp_path: Path) -> None:
    ring = tmp_path / "ring.json"
    KeyRing.generate(ring)
    status, said = guanxi(environment, "keys", "add", "--ring", str(ring))
    assert (status, "version 2" in said) == (0, True)
    status, said = guanxi(environment, "keys", "retire", "2", "--ring", str(ring))
    assert (status, "--database" in said) == (2, True)
    status, said = guanxi(environment, "keys", "retire", "2", "--ring", str(ring), "--database", "x")
    assert (status, "is no address" in said) == (2, True)
    assert KeyRing.load(ring).versions == (1, 2)


def test_a_command_does_not_wait_for_what_only_services_need() -> None:
    asked = "import sys, guanxi.cli; print([name for name in ('sqlalchemy', 'fastapi') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True).strip() == "[]"  # noqa: S603 - ours
