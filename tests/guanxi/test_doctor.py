import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from guanxi.local.settings import APPS, LocalSettings
from tests.ports import free_port, free_ports_in_a_row


async def doctor(settings: LocalSettings, *options: str) -> tuple[int | None, str]:
    """Exit status and output of the command itself, told of a stack only by its environment."""
    env = {
        "PATH": os.environ["PATH"],
        "COLUMNS": "200",
        "GUANXI_HOME": str(settings.home),
        "GUANXI_BASE_PORT": str(settings.base_port),
        "GUANXI_POSTGRES_PORT": str(settings.postgres_port),
        "GUANXI_KAFKA_PORT": str(settings.kafka_port),
    }
    argv = [sys.executable, "-m", "guanxi.cli", "doctor", *options]
    process = await asyncio.create_subprocess_exec(*argv, env=env, stdout=PIPE)
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def nowhere(home: Path) -> LocalSettings:
    return LocalSettings(
        home=home, base_port=free_ports_in_a_row(60), postgres_port=free_port(), kafka_port=free_port()
    )


async def test_where_nothing_runs_everything_is_wrong_and_comes_with_an_advice(tmp_path: Path) -> None:
    status, output = await doctor(nowhere(tmp_path), "--json")
    document = json.loads(output)
    assert status == 1
    assert document["well"] is False
    assert [finding["subject"] for finding in document["findings"]] == ["PostgreSQL", "Kafka", *APPS]
    assert not any(finding["well"] for finding in document["findings"])
    assert all("start `guanxi up`" in finding["advice"] for finding in document["findings"])


async def test_the_table_ends_with_how_many_things_are_wrong(tmp_path: Path) -> None:
    settings = nowhere(tmp_path)
    status, output = await doctor(settings)
    assert status == 1
    assert f"nothing listens at 127.0.0.1:{settings.postgres_port}" in output
    assert output.splitlines()[-1] == "8 of 8 things are wrong."


async def test_a_port_that_another_program_holds_is_no_kafka(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = nowhere(tmp_path).model_copy(update={"kafka_port": port})
        status, output = await doctor(settings, "--json")
    kafka = next(finding for finding in json.loads(output)["findings"] if finding["subject"] == "Kafka")
    assert status == 1
    assert kafka["says"] == f"what listens at 127.0.0.1:{port} gives no metadata"
