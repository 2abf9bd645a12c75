"""Run one service: `python -m libs.common.serve services.customer [--no-worker | --no-app]`.

Three listening ports and the worker share one event loop and one life: SIGTERM or Ctrl-C ends them together. A worker
apart listens on the management port alone.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib
import signal
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import structlog
import uvicorn
import uvloop

from libs.common.app import App, management_api
from libs.common.bounds import IDLE_SECONDS, BoundedProtocol
from libs.common.database import Database
from libs.common.logs import configure_logs, where
from libs.common.pulse import Pulse
from libs.common.revisions import newest
from libs.common.settings import Settings
from libs.common.tracing import configure_tracing, end_tracing
from libs.common.whereabouts import tell_whereabouts
from libs.common.worker import Worker, run_worker

log = structlog.get_logger()

GRACE_SECONDS = 5
COLLECTED_AFTER = (20_000, 20, 20)
"""Objects, and rounds: most of what a request makes dies with it, and is not looked for."""


class _Server(uvicorn.Server):
    """`shared` lets other processes listen on the same port."""

    def __init__(self, config: uvicorn.Config, *, shared: bool = False) -> None:
        super().__init__(config)
        self._shared = shared

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # one handler for the whole process, below

    async def listen(self) -> None:
        await self.serve([self._socket()] if self._shared else None)

    def _socket(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.config.host else socket.AF_INET
        opened = socket.socket(family)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind((self.config.host, self.config.port))
        return opened


def configured(app: Any, settings: Settings, port: int) -> uvicorn.Config:
    """How an app listens on one of its ports."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=[str(network) for network in settings.proxies],
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        http=BoundedProtocol,
        ws="none",
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


async def serve(app: App | None, worker: Worker | None) -> None:
    """Serve until a signal; then finish what is under way, within seconds."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, tell_whereabouts)
    servers = _servers(app) if app else _servers_of(worker)
    background = [server.listen() for server in servers]
    background += _background(app, worker)
    tasks = [asyncio.create_task(job) for job in background]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    for task in tasks[len(servers) :]:
        task.cancel()
    ended, _ = await asyncio.wait(tasks, timeout=GRACE_SECONDS + 1)
    for task in ended:
        if not task.cancelled() and (error := task.exception()):
            log.error("ended by an error", error=type(error).__name__, at=where(error))
    if app:
        await app.close()
    if not stop.is_set():
        raise SystemExit(1)


def _servers(app: App) -> list[_Server]:
    settings = app.chassis.settings
    shared = ((app.public, settings.public_port), (app.internal, settings.internal_port))
    servers = [_Server(configured(each, settings, port), shared=settings.shared_ports) for each, port in shared]
    return [*servers, _Server(configured(app.management, settings, settings.management_port))]


def _servers_of(worker: Worker | None) -> list[_Server]:
    """Of a worker apart."""
    if worker is None:
        return []
    return [_Server(configured(management_api(worker.database), worker.settings, worker.settings.management_port))]


def _databases(app: App | None, worker: Worker | None) -> list[Database]:
    return [*([app.chassis.database] if app else []), *([worker.database] if worker else [])]


def _background(app: App | None, worker: Worker | None) -> list[Coroutine[Any, Any, None]]:
    jobs: list[Coroutine[Any, Any, None]] = []
    for part in _databases(app, worker):
        pulse = Pulse(part.dsn)
        part.on_commit.append(pulse)
        jobs.append(pulse.run())
    if worker:
        jobs.append(run_worker(worker))
    return jobs


def spare_the_collector() -> None:
    """What stands by now stays, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run one service of Guanxi.")
    parser.add_argument("package", help="for example services.customer, or gateway")
    parser.add_argument("--no-worker", action="store_true", help="the HTTP side only")
    parser.add_argument("--no-app", action="store_true", help="the background side only")
    options = parser.parse_args()
    settings = importlib.import_module(f"{options.package}.settings").load()
    configure_logs(settings.service, settings.log_level)
    configure_tracing(settings, decides=options.package == "gateway")
    app = None if options.no_app else importlib.import_module(f"{options.package}.main").app(settings)
    worker = None if options.no_worker else importlib.import_module(f"{options.package}.worker").worker(settings)
    for part in _databases(app, worker):
        part.needs = newest(options.package)
    spare_the_collector()
    try:
        uvloop.run(serve(app, worker))
    finally:
        end_tracing()


if __name__ == "__main__":
    main()
