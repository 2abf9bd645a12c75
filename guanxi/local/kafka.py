"""Apache Kafka from the packages alone: one node, broker and controller in one process.

    broker = LocalKafka(Path(".local/kafka"), port=9092, controller_port=9093, cache=Path(".local/cache"))
    await broker.start(print)                  # the first start fetches 60 MB of jars, with progress lines
    broker.bootstrap, broker.cluster_id        # "127.0.0.1:9092", 22 letters
    await broker.run_tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", broker.bootstrap, "--list")
    await broker.stop()

The data survives a stop, a `kill -9` of the broker and a `kill -9` of the launcher.
"""

import base64
import shutil
import signal
import uuid
from pathlib import Path

from guanxi.local.child import Child, start_child
from guanxi.local.failures import LocalFailure, died_at_start
from guanxi.local.jars import Progress, class_path
from guanxi.local.jvm import java_command, java_environment, run_java
from guanxi.local.kafka_answer import cluster_that_answers
from guanxi.local.kafka_properties import OPERATOR, Listeners, Security, broker_properties
from guanxi.local.ports import listens, require_free_port
from guanxi.local.secrets import write_private
from guanxi.local.server import READY_WITHIN, LocalServer


class LocalKafka(LocalServer):
    """One broker, its data in `folder`, its jars in `cache` (by default inside `folder`).

    `repository` is the address of a Maven mirror; with `security` nobody is let in unknown; with `outward`, the name by
    which others know it, it listens everywhere.
    The settings' names are what a person is told to change.
    """

    program = "Kafka"
    escalation = ((signal.SIGTERM, 6), (signal.SIGKILL, 2))

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int,
        controller_port: int,
        outward: str | None = None,
        partitions: int = 4,
        cache: Path | None = None,
        repository: str | None = None,
        security: Security | None = None,
        port_setting: str = "GUANXI_KAFKA_PORT",
        controller_port_setting: str = "GUANXI_KAFKA_CONTROLLER_PORT",
        ready_within: float = READY_WITHIN,
    ) -> None:
        super().__init__(folder, ready_within)
        self._listeners = Listeners(host, port, controller_port, outward)
        self._partitions, self._security = partitions, security
        self._cache = (cache or folder / "cache").absolute() / "jars"
        self._repository = repository
        self._port_settings = {port: port_setting, controller_port: controller_port_setting}
        self._jars: list[Path] = []
        self._progress: Progress = _quiet

    @property
    def bootstrap(self) -> str:
        return self._listeners.broker

    @property
    def cluster_id(self) -> str:
        """The id given when the storage was formatted: another one means that the data was lost."""
        lines = (self._data / "meta.properties").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("cluster.id="))

    async def start(self, progress: Progress | None = None) -> None:
        """Start the broker and return when it answers; `progress` receives a line for each fetched file."""
        self._progress = progress or _quiet
        await super().start()

    async def run_tool(self, main_class: str, *arguments: str) -> str:
        """Run one of Kafka's own Java tools and return what it wrote; LocalFailure when it exits with an error."""
        status, output = await run_java(await self._class_path(), main_class, *arguments)
        if status != 0:
            raise LocalFailure(f"{main_class} ended with status {status}, saying: {output.strip()}")
        return output

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    async def _class_path(self) -> list[Path]:
        self._jars = self._jars or await class_path(self._cache, self._repository, self._progress)
        return self._jars

    async def _prepare(self) -> None:
        self._jars = []
        await self._class_path()
        for port, setting in self._port_settings.items():
            await require_free_port(self.program, self._listeners.host, port, setting)
        if not self._data.exists():
            await self._format()
        self._write_properties(self._properties, self._data)

    async def _format(self) -> None:
        # Only complete storage gets its name, so a start that was cut short is simply done again.
        unfinished = self._folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        properties = self._folder / "format.properties"
        self._write_properties(properties, unfinished)
        options = ["format", "--cluster-id", _new_cluster_id(), "--config", str(properties)]
        if self._security is not None:
            options += ["--add-scram", f"SCRAM-SHA-512=[name={OPERATOR},password={self._security.password}]"]
        status, output = await run_java(self._jars, "kafka.tools.StorageTool", *options)
        if status != 0:
            self.log.write_text(output)
            raise died_at_start("Kafka's StorageTool", self.log)
        unfinished.rename(self._data)

    def _write_properties(self, place: Path, data: Path) -> None:
        place.unlink(missing_ok=True)
        write_private(place, broker_properties(self._listeners, data, self._partitions, self._security))

    async def _launch(self) -> Child:
        crash = f"-XX:ErrorFile={self._folder / 'java-crash.log'}"
        options = (crash, "-XX:+ExitOnOutOfMemoryError")
        return await start_child(
            java_command("kafka.Kafka", str(self._properties), heap="512m", options=options),
            log=self.log,
            on_parent_death=signal.SIGKILL,
            env=java_environment(self._jars),
        )

    async def _answers(self) -> bool:
        """True once our own broker answers: another one that took the port has another cluster id."""
        host, port = self._listeners.host, self._listeners.port
        if self._security is not None:  # it tells nobody which cluster it is before they say who they are
            return await listens(host, port)
        return await cluster_that_answers(host, port) == self.cluster_id


def _quiet(_line: str) -> None:
    pass


def _new_cluster_id() -> str:
    """A random id in Kafka's spelling; a leading dash would read as an option."""
    letters = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return letters if not letters.startswith("-") else _new_cluster_id()
