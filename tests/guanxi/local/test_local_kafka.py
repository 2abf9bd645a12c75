import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

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


async def create_topic(broker: LocalKafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=4, replication_factor=1)])
    finally:
        await admin.close()


def new_broker(folder: Path, ports: list[int], cache: Path) -> LocalKafka:
    port, controller_port = ports
    return LocalKafka(folder, port=port, controller_port=controller_port, cache=cache)


@pytest.fixture(scope="module")
def ports(free_ports: FreePorts) -> list[int]:
    return free_ports(2)


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory, ports: list[int], cache: Path) -> AsyncIterator[LocalKafka]:
    """A broker with a topic; a test may stop or kill it if it starts it again."""
    broker = new_broker(tmp_path_factory.mktemp("kafka"), ports, cache)
    await broker.start()
    try:
        await create_topic(broker)
        yield broker
    finally:
        await broker.stop()


@pytest.fixture
async def kept(broker: LocalKafka) -> list[bytes]:
    """What the broker has acknowledged so far, at least one record."""
    await write(broker.bootstrap, b"acknowledged")
    return await read(broker.bootstrap)


async def test_a_topic_made_by_kafkas_own_tool_has_the_partitions_of_this_broker(broker: LocalKafka) -> None:
    options = ("--bootstrap-server", broker.bootstrap, "--create", "--topic", "counted")
    assert "Created topic counted" in await broker.run_tool("org.apache.kafka.tools.TopicCommand", *options)
    consumer = AIOKafkaConsumer("counted", bootstrap_servers=broker.bootstrap)
    await consumer.start()
    try:
        assert consumer.partitions_for_topic("counted") == {0, 1, 2, 3}
    finally:
        await consumer.stop()


async def test_a_tool_that_fails_says_why(broker: LocalKafka) -> None:
    with pytest.raises(LocalFailure, match="TopicCommand ended with status 1, saying"):
        await broker.run_tool("org.apache.kafka.tools.TopicCommand", "--no-such-option")


async def test_a_broker_says_the_cluster_that_its_storage_belongs_to(broker: LocalKafka) -> None:
    assert len(broker.cluster_id) == 22
    assert broker.cluster_id in broker.log.with_name("data").joinpath("meta.properties").read_text()


async def test_a_killed_broker_starts_again_with_its_records(broker: LocalKafka, kept: list[bytes]) -> None:
    os.kill(broker.process, signal.SIGKILL)
    assert await broker.ended() == -signal.SIGKILL
    await broker.start()
    assert await read(broker.bootstrap) == kept


async def test_a_second_launcher_is_refused_the_folder(broker: LocalKafka, free_ports: FreePorts, cache: Path) -> None:
    with pytest.raises(LocalFailure, match="in use by another launcher"):
        await new_broker(broker.log.parent, free_ports(2), cache).start()


@pytest.mark.parametrize("setting", ["GUANXI_KAFKA_PORT", "GUANXI_KAFKA_CONTROLLER_PORT"])
async def test_a_taken_port_is_said_in_one_sentence(
    tmp_path: Path, taken_port: int, free_ports: FreePorts, cache: Path, setting: str
) -> None:
    ports = {"GUANXI_KAFKA_PORT": free_ports(1)[0], "GUANXI_KAFKA_CONTROLLER_PORT": free_ports(1)[0]}
    ports[setting] = taken_port
    broker = new_broker(tmp_path, list(ports.values()), cache)
    with pytest.raises(LocalFailure) as failure:
        await broker.start()
    assert str(failure.value) == (
        f"Port {taken_port} on 127.0.0.1 is already taken, so Kafka cannot start: "
        f"stop the program that holds it, or set {setting} to a free port."
    )


async def test_a_stop_keeps_the_records_and_a_killed_launcher_too_and_leaves_no_broker(
    broker: LocalKafka,
    kept: list[bytes],
    ports: list[int],
    cache: Path,
    launcher: Callable[[str], subprocess.Popen[str]],
    is_gone: Callable[[int], bool],
    until: Callable[..., Awaitable[None]],
) -> None:
    before = broker.cluster_id
    await broker.stop()
    folder = broker.log.parent
    process = launcher(
        "import asyncio; from pathlib import Path; from guanxi.local.kafka import LocalKafka\n"
        "async def main():\n"
        f"    folder, cache = Path({str(folder)!r}), Path({str(cache)!r})\n"
        f"    broker = LocalKafka(folder, port={ports[0]}, controller_port={ports[1]}, cache=cache)\n"
        "    await broker.start(); print(broker.process, flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    assert process.stdout is not None
    pid = int(await asyncio.to_thread(process.stdout.readline))
    assert await read(broker.bootstrap) == kept
    await write(broker.bootstrap, b"last")
    process.kill()
    await until(lambda: is_gone(pid))
    await broker.start()
    assert await read(broker.bootstrap) == [*kept, b"last"]
    assert broker.cluster_id == before


async def test_a_broker_that_ends_at_its_start_is_said_with_its_log(
    tmp_path: Path, free_ports: FreePorts, cache: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\ncluster.id=of-another\nnode.id=7\n")
    broker = new_broker(tmp_path, free_ports(2), cache)
    with pytest.raises(LocalFailure, match="Kafka ended during its start") as failure:
        await broker.start()
    assert "Stored node id 7" in str(failure.value)
    assert str(broker.log) in str(failure.value)
