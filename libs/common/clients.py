"""Apps of the platform prove to one another who they are, and say for whom they ask: where a request came from."""

from http import HTTPStatus

import orjson
from fastapi import Request

from libs.common.clock import Clock
from libs.common.keyring import BadSignature, KeyRing
from libs.common.metrics import DENIED
from libs.common.problems import Problem

HEADER = "Guanxi-Client"
LIFETIME_SECONDS = 60
PURPOSE = "clients"


def client_credential(ring: KeyRing, client: str, origin: str, clock: Clock) -> str:
    """What an app of ours shows beside the user's token, for a minute."""
    until = int(clock.now().timestamp()) + LIFETIME_SECONDS
    return ring.sign(PURPOSE, orjson.dumps([client, until, origin]))


def origin_told(ring: KeyRing, credential: str, clock: Clock) -> str | None:
    """Where the request came from, as an app of ours says; None from anybody else."""
    try:
        _, until, origin = orjson.loads(ring.verify(PURPOSE, credential))
    except BadSignature:
        return None
    return str(origin) if until >= clock.now().timestamp() else None


def origin_of(request: Request) -> str:
    """The address of whoever asks this app."""
    client = request.scope.get("client")
    return str(client[0]) if client else "unknown"


def require_client(ring: KeyRing, credential: str, clock: Clock) -> None:
    """Raises Problem 401 for anybody but an app of the platform."""
    if origin_told(ring, credential, clock) is None:
        DENIED.labels(int(HTTPStatus.UNAUTHORIZED)).inc()
        raise Problem(HTTPStatus.UNAUTHORIZED, "This port is for apps of the platform.")
