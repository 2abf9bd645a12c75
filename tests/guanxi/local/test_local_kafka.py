import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from guanxi.local.failures import LocalFailure
from guanxi.local.kafka import LocalKafka

FreePorts = Callable[[int], list[int]]
TOPIC = "kept"


async def write(bootstrap: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(TOPIC, value, partition=0)
    finally:
        await producer.stop()


async def read(bootstrap: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    partition = TopicPartition(TOPIC, 0)
    await consumer.start()
    try:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        return [(await consumer.getone()).value for _ in range(end)]
    finally:
        await consumer.stop()


async def create_topic(broker: LocalKafka) -> str:
    tool = "org.apache.kafka.tools.TopicCommand"
    return await broker.run_tool(tool, "--bootstrap-server", broker.bootstrap, "--create", "--topic", TOPIC)


@pytest.fixture(scope="module")
async def broker(
    tmp_path_factory: pytest.TempPathFactory, free_ports: FreePorts, cache: Path
) -> AsyncIterator[LocalKafka]:
    """A broker with records 1 and 2; a test may kill it if it starts it again."""
    port, controller_port = free_ports(2)
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), port=port, controller_port=controller_port, cache=cache)
    await broker.start()
    await create_topic(broker)
    await write(broker.bootstrap, b"1", b"2")
    yield broker
    await broker.stop()


async def test_a_new_topic_has_the_partitions_that_were_asked_for(broker: LocalKafka) -> None:
    options = ("--bootstrap-server", broker.bootstrap, "--describe", "--topic", TOPIC)
    assert "PartitionCount: 4" in await broker.run_tool("org.apache.kafka.tools.TopicCommand", *options)


async def test_a_tool_that_fails_says_why(broker: LocalKafka) -> None:
    with pytest.raises(LocalFailure, match="already exists"):
        await create_topic(broker)


async def test_a_broker_says_the_cluster_that_its_storage_belongs_to(broker: LocalKafka) -> None:
    assert len(broker.cluster_id) == 22
    assert broker.cluster_id in broker.log.with_name("data").joinpath("meta.properties").read_text()


async def test_a_stop_and_a_start_keep_the_records(broker: LocalKafka) -> None:
    before = broker.cluster_id
    await broker.stop()
    await broker.start()
    assert await read(broker.bootstrap) == [b"1", b"2"]
    assert broker.cluster_id == before


async def test_a_killed_broker_starts_again_with_its_records(broker: LocalKafka) -> None:
    os.kill(broker.process, signal.SIGKILL)
    assert await broker.ended() == -signal.SIGKILL
    await broker.start()
    assert await read(broker.bootstrap) == [b"1", b"2"]


async def test_a_second_launcher_is_refused_the_folder(broker: LocalKafka, free_ports: FreePorts, cache: Path) -> None:
    port, controller_port = free_ports(2)
    second = LocalKafka(broker.log.parent, port=port, controller_port=controller_port, cache=cache)
    with pytest.raises(LocalFailure, match="in use by another launcher"):
        await second.start()


@pytest.mark.parametrize("setting", ["GUANXI_KAFKA_PORT", "GUANXI_KAFKA_CONTROLLER_PORT"])
async def test_a_taken_port_is_said_in_one_sentence(
    tmp_path: Path, taken_port: int, free_ports: FreePorts, cache: Path, setting: str
) -> None:
    ports = {"GUANXI_KAFKA_PORT": free_ports(1)[0], "GUANXI_KAFKA_CONTROLLER_PORT": free_ports(1)[0]}
    ports[setting] = taken_port
    port, controller_port = ports.values()
    broker = LocalKafka(tmp_path, port=port, controller_port=controller_port, cache=cache)
    with pytest.raises(LocalFailure) as failure:
        await broker.start()
    assert str(failure.value) == (
        f"Port {taken_port} on 127.0.0.1 is already taken, so Kafka cannot start: "
        f"stop the program that holds it, or set {setting} to a free port."
    )


async def test_a_killed_launcher_leaves_no_broker_and_its_records(
    tmp_path: Path,
    free_ports: FreePorts,
    cache: Path,
    launcher: Callable[[str], subprocess.Popen[str]],
    is_gone: Callable[[int], bool],
    until: Callable[..., Awaitable[None]],
) -> None:
    port, controller_port = free_ports(2)
    new = f"LocalKafka(Path({str(tmp_path)!r}), port={port}, controller_port={controller_port}, "
    process = launcher(
        "import asyncio; from pathlib import Path; from guanxi.local.kafka import LocalKafka\n"
        "async def main():\n"
        f"    broker = {new} cache=Path({str(cache)!r}))\n"
        "    await broker.start(); print(broker.process, flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    assert process.stdout is not None
    pid = int(await asyncio.to_thread(process.stdout.readline))
    broker = LocalKafka(tmp_path, port=port, controller_port=controller_port, cache=cache)
    await create_topic(broker)
    await write(broker.bootstrap, b"acknowledged")
    process.kill()
    await until(lambda: is_gone(pid))
    await broker.start()
    try:
        assert await read(broker.bootstrap) == [b"acknowledged"]
    finally:
        await broker.stop()


async def test_a_broker_that_ends_at_its_start_is_said_with_its_log(
    tmp_path: Path, free_ports: FreePorts, cache: Path
) -> None:
    port, controller_port = free_ports(2)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\ncluster.id=of-another\nnode.id=7\n")
    broker = LocalKafka(tmp_path, port=port, controller_port=controller_port, cache=cache)
    with pytest.raises(LocalFailure, match="Kafka ended during its start") as failure:
        await broker.start()
    assert "Stored node id 7" in str(failure.value)
    assert str(broker.log) in str(failure.value)
