"""Requests to addresses that others name get to public ones alone: server-side request forgery is refused."""

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.common.outbound import MOST_LOOKED_UP, Outbound, Refused, is_public
from tests.certificates import Certificates
from tests.conftest import Ground
from tests.polling import until
from tests.receiver import Receiver, receiving

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",  # noqa: S104 - none is bound
        "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "100.100.100.200",
        "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1",
        "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::",
        "2001:0:7f00:1::", "192.0.0.192", "192.88.99.1", "168.63.129.16", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_these_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "223.5.5.5", "2606:4700::1111", "2400:3200::1"])
def test_these_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.fixture
def outbound(ground: Ground) -> Outbound:
    return Outbound(ground.settings("gateway"), [], 5)


@pytest.fixture
def local(ground: Ground) -> Outbound:
    """May send to this machine."""
    return Outbound(ground.settings("gateway"), LOOPBACK, 5)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example/", "https"),
        ("ftp://hooks.example/", "https"),
        ("file:///etc/passwd", "https"),
        ("gopher://hooks.example/", "https"),
        ("hooks.example", "https"),
        ("https://", "https"),
        ("https://user:password@hooks.example/", "user"),
        ("https://hooks.example@127.0.0.1/", "user"),
        ("https://hooks.example/#a", "fragment"),
        ("https://127.0.0.1/", "public"),
        ("https://[::1]/", "public"),
        ("https://[::ffff:127.0.0.1]/", "public"),
        ("https://169.254.169.254/latest/meta-data/", "public"),
        ("https://hooks.example/" + "a" * 2000, "at most"),
        ("https://hooks.example:99999/", "port"),
        ("https://hooks.example:0/", "port"),
        ("https://[::1/", "URL"),
        ("https://\u0000/", "URL"),
    ],
)
def test_these_are_refused_before_a_name_is_resolved(outbound: Outbound, url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        outbound.check(url)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost."]
)
async def test_a_name_that_leads_inside_is_refused_however_it_is_written(
    outbound: Outbound, receiver: Receiver, host: str
) -> None:
    port = httpx.URL(receiver.url).port
    with pytest.raises(Refused):
        await outbound.post(f"https://{host}:{port}/", b"", {})
    assert receiver.messages == []


async def test_a_name_that_leads_nowhere_is_refused(outbound: Outbound) -> None:
    for url in ("https://no-such-host.invalid/", "https://xn--a/"):
        with pytest.raises(Refused, match="no public address"):
            await outbound.post(url, b"", {})


async def test_a_listed_address_is_let_through_without_tls(local: Outbound, receiver: Receiver) -> None:
    answer = await local.post(receiver.url, b"told", {"X-A": "b"})
    assert (answer.status, answer.is_success) == (204, True)
    (message,) = receiver.messages
    assert (message.body, message.headers["x-a"]) == (b"told", "b")
    assert message.headers["host"] == receiver.url.split("/")[2]


async def test_a_redirect_is_not_followed(local: Outbound, receiver: Receiver) -> None:
    receiver.answer = lambda _: (307, {"Location": receiver.url})
    answer = await local.post(receiver.url, b"", {})
    assert (answer.status, answer.is_success, len(receiver.messages)) == (307, False, 1)


class _Resolver:
    """A name server that points elsewhere each time it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = list(addresses), 0

    def __call__(self, _host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


async def test_a_name_is_resolved_once(local: Outbound, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: what was looked at is what is connected to."""
    resolver = _Resolver("127.0.0.1", "10.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    port = httpx.URL(receiver.url).port
    await local.post(f"http://rebound.example:{port}/", b"", {})
    assert (resolver.asked, len(receiver.messages)) == (1, 1)
    with pytest.raises(Refused):
        await local.post(f"http://rebound.example:{port}/", b"", {})


async def test_what_is_looked_up_is_what_goes_over_the_wire(
    local: Outbound, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another rule than httpx's own, `faß` would be looked up as `fass`: another owner's name."""
    asked = []

    def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port = httpx.URL(receiver.url).port
    await local.post(f"http://faß.example:{port}/", b"", {})
    assert asked == ["xn--fa-hia.example"]
    assert receiver.messages[0].headers["host"] == f"xn--fa-hia.example:{port}"


async def test_a_slow_name_server_holds_up_no_other(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, plain = Counter[str](), threading.Event(), socket.getaddrinfo

    def resolve(host: str, *place: Any, **how: Any) -> Any:
        begun[host] += 1
        if host == "slow.example":
            go_on.wait(10)
            raise socket.gaierror
        return plain(host, *place, **how)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    impatient = Outbound(ground.settings("gateway"), LOOPBACK, 0.5)
    asking = [impatient.post("https://slow.example/", b"", {}) for _ in range(40)]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(answer) for answer in answers} == {TimeoutError}
    assert begun["slow.example"] == 1, "whoever asks for a name that is being looked up waits with them"
    async with receiving(name="localhost") as receiver:
        assert (await impatient.post(receiver.url, b"", {})).is_success
    go_on.set()


async def test_who_waits_no_longer_leaves_it_to_those_who_do(
    ground: Ground, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, plain = threading.Event(), socket.getaddrinfo

    def resolve(host: str, *place: Any, **how: Any) -> Any:
        go_on.wait(10)
        return plain("127.0.0.1" if host == "late.example" else host, *place, **how)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    patient = Outbound(ground.settings("gateway"), LOOPBACK, 10)
    port = httpx.URL(receiver.url).port
    hung = [asyncio.create_task(patient.post(f"https://{n}.example/", b"", {})) for n in range(MOST_LOOKED_UP)]
    waiting = [asyncio.create_task(patient.post(f"http://late.example:{port}/", b"", {})) for _ in range(2)]

    async def all_wait() -> bool:
        return len(patient._looked_up) > MOST_LOOKED_UP

    await until(all_wait)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    go_on.set()
    assert (await waiting[1]).is_success
    await asyncio.gather(*hung, return_exceptions=True)


async def test_one_address_that_is_not_public_is_enough(outbound: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    def both(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(Refused, match="no public address"):
        await outbound.post("https://both.example/", b"", {})


async def test_the_certificate_is_held_against_the_name_and_not_the_address(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Certificates.make(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    known = Outbound(ground.settings("gateway", tls_authorities=made.authorities), LOOPBACK, 5)
    stranger = Outbound(ground.settings("gateway"), LOOPBACK, 5)
    async with receiving(name="localhost", tls=context) as receiver:
        assert (await known.post(receiver.url, b"", {})).is_success
        with pytest.raises(httpx.ConnectError):
            await stranger.post(receiver.url, b"", {})
        monkeypatch.setattr(socket, "getaddrinfo", _Resolver("127.0.0.1"))
        with pytest.raises(httpx.ConnectError):
            await known.post(receiver.url.replace("localhost", "elsewhere.example"), b"", {})
    assert len(receiver.messages) == 1


async def test_who_does_not_answer_in_time_is_left(ground: Ground) -> None:
    impatient = Outbound(ground.settings("gateway"), LOOPBACK, 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises((TimeoutError, httpx.TimeoutException)):
            await impatient.post(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"", {})


async def test_how_long_to_wait_is_heard(local: Outbound, receiver: Receiver) -> None:
    for told, heard in (("7", 7.0), ("soon", None), ("-1", None), ("9" * 30, None)):
        receiver.answer = lambda _, told=told: (503, {"Retry-After": told})  # type: ignore[misc] # bound now
        assert (await local.post(receiver.url, b"", {})).retry_after == heard
