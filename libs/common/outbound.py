"""Requests to addresses that others name: to public ones alone, however a name or an address is written.

A name is resolved once and that address connected to, so that a name which points elsewhere a moment later changes
nothing. No redirects, no proxies; of the answer nothing is read but its head.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpx

from libs.common.settings import Settings
from libs.common.tls import public_context

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Found = list[Any]

LONGEST_URL, HIGHEST_PORT = 2000, 65_535
MOST_LOOKED_UP = 16
LEADS_NOWHERE = "It leads to no public address."
"""Of a name that is unknown too: nobody learns which names there are inside."""
CARRY_AN_IPV4_ADDRESS = [
    ip_network(n) for n in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
]
"""Compatible, mapped, NAT64, Teredo and 6to4 addresses: what they lead to is another network's choice."""
NOT_FOR_STRANGERS = [
    ip_network(name)
    for name in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10", "3fff::/20", "5f00::/16")
]
"""What Python's own list (IANA's registries, as of its release) lets through: protocol assignments, the 6to4 relay, the
inside of a cloud, site-local addresses (RFC 3879), documentation (RFC 9637), segment routing (RFC 9602)."""


class Refused(Exception):
    """An address that nothing is sent to; the message is meant for whoever named it, and names no address of ours."""


@dataclass(frozen=True)
class Answer:
    """`retry_after` is in seconds, where the answer told it."""

    status: int
    retry_after: float | None

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def is_public(address: Address) -> bool:
    if _is_within(address, (*CARRY_AN_IPV4_ADDRESS, *NOT_FOR_STRANGERS)):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


class Outbound:
    """`listed` are networks that are let through although they are not public, and without TLS."""

    def __init__(self, settings: Settings, listed: Sequence[Network], seconds: float) -> None:
        self._listed, self._seconds = listed, seconds
        self._context: ssl.SSLContext = public_context(settings)
        # Names have threads of their own: whoever has a slow name server holds up nobody else's.
        self._resolvers = ThreadPoolExecutor(MOST_LOOKED_UP, "outbound names")
        self._looked_up: dict[tuple[str, int], Future[Found]] = {}

    def check(self, url: str) -> httpx.URL:
        """What can be said of a URL before its name is resolved.

        Raises:
            Refused: it is none, not of HTTPS, holds a password, or an address that is not public.
        """
        try:
            parsed = httpx.URL(url)
            host = _host(parsed)
        except (httpx.InvalidURL, ValueError):
            raise Refused("This is no URL.") from None
        if parsed.scheme not in ("https", "http") or not host or len(url) > LONGEST_URL:
            raise Refused(f"Name an https:// URL of at most {LONGEST_URL} characters.")
        if not 0 < _port(parsed) <= HIGHEST_PORT:
            raise Refused("There is no such port.")
        if parsed.userinfo or parsed.fragment:
            raise Refused("A URL here has no user, no password and no fragment.")
        if (address := _literal(host)) is not None:
            self._require(parsed, [address])
        elif parsed.scheme == "http" and not self._listed:
            raise Refused("Name an https:// URL.")
        return parsed

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send and hear the answer's head, within the time that there is for it all.

        Raises:
            Refused: nothing was sent.
            httpx.HTTPError, OSError, TimeoutError: no answer came.
        """
        parsed = self.check(url)
        async with asyncio.timeout(self._seconds):
            address = await self._resolved(parsed)
            # A connection is kept for its address, not for the name that its certificate was checked for.
            limits = httpx.Limits(max_keepalive_connections=0)
            client = httpx.AsyncClient(verify=self._context, trust_env=False, limits=limits, timeout=self._seconds)
            async with client:
                request = client.build_request(
                    "POST",
                    parsed.copy_with(host=str(address)),
                    content=body,
                    headers={**headers, "Host": parsed.netloc.decode()},
                    extensions={"sni_hostname": _host(parsed)},
                )
                answer = await client.send(request, stream=True, follow_redirects=False)
                await answer.aclose()
                return Answer(answer.status_code, _seconds(answer.headers.get("Retry-After", "")))

    async def _resolved(self, url: httpx.URL) -> Address:
        """Whoever asks for a name that is being looked up waits with them."""
        place = _host(url), _port(url)
        asked = self._looked_up.get(place)
        if asked is None:
            asked = self._resolvers.submit(socket.getaddrinfo, *place, type=socket.SOCK_STREAM)
            self._looked_up[place] = asked
            asked.add_done_callback(lambda _: self._looked_up.pop(place, None))
        try:
            # Whoever waits no longer leaves it to those who do.
            found = await asyncio.shield(asyncio.wrap_future(asked))
        except (socket.gaierror, UnicodeError):
            raise Refused(LEADS_NOWHERE) from None
        addresses = [ip_address(str(at[0]).partition("%")[0]) for *_, at in found]
        self._require(url, addresses)
        return addresses[0]

    def _require(self, url: httpx.URL, addresses: Sequence[Address]) -> None:
        """All of them: one that is refused would only be a matter of tries."""
        listed = [_is_within(address, self._listed) for address in addresses]
        if not all(known or is_public(address) for known, address in zip(listed, addresses, strict=True)):
            raise Refused(LEADS_NOWHERE)
        if url.scheme == "http" and not all(listed):
            raise Refused("Name an https:// URL.")


def _host(url: httpx.URL) -> str:
    """As it goes over the wire: what is looked up, connected to and checked is one name, by one rule (IDNA 2008)."""
    return url.raw_host.decode("ascii")


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else {"https": 443, "http": 80}[url.scheme]


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _seconds(told: str) -> float | None:
    """RFC 9110, 10.2.3; a date is not honoured."""
    return float(told) if told.isascii() and told.isdecimal() and len(told) <= 6 else None  # noqa: PLR2004 - digits
