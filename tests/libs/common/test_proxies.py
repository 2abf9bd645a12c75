"""Where a request comes from: the address that connected, or what a proxy says that is named in the settings."""

import asyncio
from typing import Any

import pytest

from libs.common.settings import Settings
from tests.conftest import Ground
from tests.served import listening

FORGED = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
PROXIED = "X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\n"


async def whence(scope: Any, _receive: Any, send: Any) -> None:
    """An app that answers with whom it takes for its caller."""
    told = f"{scope['client'][0]} {scope['scheme']}".encode()
    headers = [(b"content-length", str(len(told)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


async def taken_for(port: int, headers: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nHost: bank\r\n{headers}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize(
    ("proxies", "headers", "taken"),
    [
        ((), FORGED, "127.0.0.1 http"),
        ((), PROXIED, "127.0.0.1 http"),
        (("10.0.0.0/8",), FORGED, "127.0.0.1 http"),
        (("127.0.0.0/8",), FORGED, "203.0.113.9 https"),
        (("127.0.0.0/8",), PROXIED, "198.51.100.7 http"),
        (("127.0.0.0/8", "198.51.100.0/24"), PROXIED, "203.0.113.9 http"),
        (("127.0.0.0/8",), "", "127.0.0.1 http"),
    ],
)
async def test_only_a_proxy_that_is_named_says_for_whom_it_asks(
    ground: Ground, proxies: tuple[str, ...], headers: str, taken: str
) -> None:
    settings = ground.settings("customer", Settings, proxies=proxies)
    async with listening(whence, settings) as port:
        assert await taken_for(port, headers) == taken
