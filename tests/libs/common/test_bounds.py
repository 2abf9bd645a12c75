"""A request that is too large or too slow is refused, by a real server, and holds up nobody else."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from gateway.upstream.clients import KEPT_SECONDS
from libs.common import bounds
from libs.common.bounds import LARGEST_HEAD
from libs.common.serve import configured
from tests.conftest import Ground
from tests.libs.common.probe import Probe
from tests.served import listening, served

BODY_SECONDS = 1.0
LARGEST_BODY = 100_000


@pytest.fixture(scope="module")
async def port(ground: Ground) -> AsyncIterator[int]:
    """A service of ours as it is served: its public port."""
    bounds = {"GUANXI_LARGEST_BODY": str(LARGEST_BODY), "GUANXI_BODY_SECONDS": str(BODY_SECONDS)}
    async with served(ground, "complaints", bounds) as first:
        yield first


@pytest.fixture
async def impatient(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of an app that waits for a head no longer than a moment."""
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.5)
    async with listening(probe.app.public, probe.settings) as port:
        yield port


async def answered(port: int, *parts: bytes, within: float = 5.0) -> bytes:
    """The first line of what a server answers to raw bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.readline(), within)
    finally:
        writer.close()


def head(ground: Ground, *more: str) -> bytes:
    lines = [
        "POST /api/v1/complaints HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {ground.issuer.token('nobody', ['teller'])}",
        f"Idempotency-Key: {uuid4()}",
        "Content-Type: application/json",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_a_body_that_says_it_is_too_large_is_not_read(ground: Ground, port: int) -> None:
    assert b" 413 " in await answered(port, head(ground, f"Content-Length: {100 * 1024 * 1024}"))


async def test_a_body_in_chunks_is_read_up_to_the_bound(probe: Probe, client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(probe.settings.largest_body // 10_000 + 2):
            yield b"x" * 10_000

    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = await client.post("/api/v1/things", content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(probe.settings.largest_body) in answer.json()["detail"]


async def test_a_body_that_does_not_come_is_given_up(ground: Ground, port: int) -> None:
    known = head(ground, "Content-Length: 50")
    first_line = await answered(port, known, b"{", within=BODY_SECONDS + 5)
    # Nobody is known by this login, and that is found out before the body is waited for.
    assert first_line.split()[1] in (b"403", b"408", b"503")


async def test_a_slow_body_of_somebody_known_is_a_408(probe: Probe, client: httpx.AsyncClient) -> None:
    never = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    object.__setattr__(probe.settings, "body_seconds", 0.2)
    try:
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
        answer = await client.post("/api/v1/things", content=slow(), headers=headers)
    finally:
        object.__setattr__(probe.settings, "body_seconds", 20.0)
    assert answer.status_code == 408


async def test_a_head_has_an_end(port: int) -> None:
    endless = b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * LARGEST_HEAD
    assert b" 431 " in await answered(port, endless, b"y" * 10)
    whole = b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * LARGEST_HEAD + b"\r\n\r\n"
    assert b" 431 " in await answered(port, whole)


async def test_a_head_comes_in_time(impatient: int) -> None:
    assert b" 408 " in await answered(impatient, b"GET / HT")


def test_a_connection_rests_here_for_longer_than_whoever_opened_it_keeps_it(probe: Probe) -> None:
    """A minute with most proxies. Who closes it first loses what is sent into that moment."""
    assert max(60, 2 * KEPT_SECONDS) < configured(probe.app.public, probe.settings, 0).timeout_keep_alive


@pytest.mark.parametrize("idle", [b"\r\n", b"\r\n\r\n", b"GET"])
async def test_what_begins_no_head_keeps_no_connection_open(impatient: int, idle: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 404 " in await asyncio.wait_for(reader.readline(), 5)
    writer.write(idle)
    rest = await asyncio.wait_for(reader.read(), 5)
    assert b" 408 " in rest
    writer.close()


@pytest.mark.parametrize(
    "lengths",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -5",),
        ("Content-Length: 5x",),
    ],
)
async def test_a_body_has_one_length(ground: Ground, port: int, lengths: tuple[str, ...]) -> None:
    assert b" 400 " in await answered(port, head(ground, *lengths), b"0\r\n\r\n")


async def test_a_bomb_of_brackets_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = await client.post("/api/v1/things", content=b"[" * 200_000, headers=headers)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "If-Match", "Guanxi-Reason"])
async def test_a_header_that_decides_something_stands_once(ground: Ground, port: int, name: str) -> None:
    assert b" 400 " in await answered(port, head(ground, f"{name}: x", f"{name}: y", "Content-Length: 2"), b"{}")
