"""`?consistency=live`: the services asked in parallel, each with a deadline; who does not answer is `unavailable`."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

import aiohttp
from fastapi import Request

from gateway.settings import GatewaySettings
from gateway.upstream.asking import asking, trace_headers
from gateway.upstream.clients import Upstreams
from gateway.upstream.gate import FAILED, Shut
from gateway.view.document import Shown, State
from gateway.view.storage import Section
from libs.common.access import REASON
from libs.common.clients import HEADER, client_credential, origin_of
from libs.common.clock import Clock
from libs.common.keyring import KeyRing
from libs.contracts.catalogue import SECTIONS


def service_of(section: str) -> str:
    """`crm.section.<service>.v1`."""
    return SECTIONS[section][0].name.split(".")[2]


class LiveSections:
    def __init__(self, settings: GatewaySettings, upstreams: Upstreams, ring: KeyRing, clock: Clock) -> None:
        self._settings, self._upstreams, self._ring, self._clock = settings, upstreams, ring, clock

    async def read(self, customer_id: UUID, names: Sequence[str], request: Request) -> list[Shown]:
        """The named sections, for whoever sent the request."""
        asked = request.headers
        told = {name: asked[name] for name in ("Authorization", REASON) if name in asked}
        caller = {name: value.encode("latin-1").decode(errors="replace") for name, value in told.items()}
        caller[HEADER] = client_credential(self._ring, "gateway", origin_of(request), self._clock)
        return list(await asyncio.gather(*[self._one(customer_id, name, caller) for name in names]))

    async def _one(self, customer_id: UUID, name: str, caller: Mapping[str, str]) -> Shown:
        asked_at = self._clock.now()
        client = self._upstreams[service_of(name)]
        url = f"{client.at.internal}/internal/v1/sections/{customer_id}"
        try:
            with client.gate.passing(patiently=self._settings.live_timeout >= client.longest):
                async with asyncio.timeout(self._settings.live_timeout):
                    with asking(client.name, "GET"):
                        status, body = await _asked(client.session, url, {**caller, **trace_headers()})
            return self._shown(name, asked_at, status, body)
        except (*FAILED, Shut, UnicodeDecodeError):
            return self._shown(name, asked_at, HTTPStatus.SERVICE_UNAVAILABLE, "")

    def _shown(self, name: str, asked_at: datetime, status: int, body: str) -> Shown:
        document = body if status == HTTPStatus.OK and body not in ("", "null") else None
        states: dict[int, State] = {HTTPStatus.NOT_FOUND: State.MISSING, HTTPStatus.FORBIDDEN: State.FORBIDDEN}
        states[HTTPStatus.OK] = State.OK if document else State.MISSING
        state = states.get(status, State.UNAVAILABLE)
        as_of = asked_at if document else None
        return Shown(Section(name, document=document), state, as_of)


async def _asked(session: aiohttp.ClientSession, url: str, caller: Mapping[str, str]) -> tuple[int, str]:
    """A kept connection may break just when it is used: then once more, on a new one."""
    try:
        return await _asked_once(session, url, caller)
    except aiohttp.ClientConnectionError:
        return await _asked_once(session, url, caller)


async def _asked_once(session: aiohttp.ClientSession, url: str, caller: Mapping[str, str]) -> tuple[int, str]:
    async with session.get(url, headers=caller) as answer:
        return answer.status, await answer.text()
