import base64
import json
import logging
from uuid import uuid4

import certifi
import httpx
import pytest
from fastapi import APIRouter

from libs.common.app import new_api, undeclared
from libs.common.database import new_engine
from libs.common.openapi import permissions_of
from libs.common.settings import Mode
from tests.conftest import Ground
from tests.libs.common.probe import Probe


async def test_a_request_without_a_token_is_401(probe: Probe) -> None:
    async with probe.client("nonsense") as stranger:
        answer = await stranger.get("/api/v1/things")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_missing_permission_is_403_and_named(ground: Ground, probe: Probe) -> None:
    async with probe.client(ground.issuer.token("reader", ["things:read"])) as reader:
        answer = await reader.post("/api/v1/things", json={"name": "x"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 403
    assert "things:change" in answer.json()["detail"]


async def test_a_token_signed_by_nobody_is_refused(ground: Ground, probe: Probe) -> None:
    header, payload, _ = ground.issuer.token("t", ["things:read"]).split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    for forged in (f"{unsigned}.{payload}.", f"{header}.{payload}.AAAA", f"{header}.{payload}"):
        async with probe.client(forged) as forger:
            assert (await forger.get("/api/v1/things")).status_code == 401


async def test_an_expired_token_is_refused(ground: Ground, probe: Probe) -> None:
    async with probe.client(ground.issuer.token("t", ["things:read"], lifetime=-60)) as late:
        assert (await late.get("/api/v1/things")).status_code == 401


async def test_a_route_without_a_permission_is_not_mounted(probe: Probe) -> None:
    open_router = APIRouter()

    @open_router.get("/open")
    async def nobody_thought_of_it() -> None: ...

    with pytest.raises(RuntimeError, match="/open"):
        new_api(probe.app.chassis, "open", [open_router])


async def test_every_route_of_the_probe_declares_its_permission(probe: Probe) -> None:
    assert undeclared(probe.app.api) == []


async def test_a_500_says_nothing_and_logs_no_value(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await client.get("/api/v1/things/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    out, err = capsys.readouterr()
    for told in (answer.text, out, err, caplog.text):
        assert "110101199003074477" not in told
    assert "probe.py" in out, "the log names the place"


async def test_an_error_names_the_field(client: httpx.AsyncClient) -> None:
    body = {"name": 7, "surprise": 1}
    answer = await client.post("/api/v1/things", json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"name", "surprise"}


async def test_a_body_that_is_no_json_is_named(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = await client.post("/api/v1/things", content=b"{broken", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "body", "detail": "This is not JSON, from character 1 on."}]


async def test_a_cursor_leads_through_all_pages_and_is_bound_to_its_filters(client: httpx.AsyncClient) -> None:
    for place in range(5):
        name = {"name": f"page {uuid4()} {place}"}
        await client.post("/api/v1/things", json=name, headers={"Idempotency-Key": str(uuid4())})
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/v1/things", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert len(seen) == len(set(seen)) >= 5
    assert seen == sorted(seen, reverse=True)
    other = await client.get("/api/v1/things", params={"limit": "2", "cursor": cursor or "", "name": "x"})
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "cursor"


def test_production_refuses_what_only_a_developer_may_do(ground: Ground) -> None:
    with pytest.raises(ValueError, match="not fit for production") as refused:
        ground.settings("probe", mode=Mode.PRODUCTION)
    for cause in ("is local", "not https", "sslmode", "KAFKA_TLS"):
        assert cause in str(refused.value)


FIT = {
    "mode": Mode.PRODUCTION,
    "issuers": [{"issuer": "https://login.bank.example"}],
    "database_url": "postgresql://app@db.bank.example/customer?sslmode=verify-full",
    "kafka_tls": True,
    "kafka_user": "customer",
    "kafka_password": "x",
    "tls_certificate": "/run/tls/tls.crt",
    "tls_key": "/run/tls/tls.key",
}


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ({"issuers": [{"issuer": "https://login.bank.example", "local": True}]}, "is local"),
        ({"issuers": [{"issuer": "http://login.bank.example"}]}, "is not https"),
        ({"issuers": [{"issuer": f"https://{name}.example"} for name in "ab"]}, "several issuers may name partners"),
        ({"database_url": "postgresql://app@db/customer?sslmode=require"}, "sslmode"),
        ({"database_url": "postgresql://app@db/customer?application_name=sslmode=verify-full"}, "sslmode"),
        ({"kafka_tls": False}, "GUANXI_KAFKA_TLS"),
        ({"kafka_user": None}, "GUANXI_KAFKA_USER"),
        ({"kafka_password": None}, "GUANXI_KAFKA_PASSWORD"),
        ({"tls_certificate": None}, "GUANXI_TLS_CERTIFICATE"),
        ({"tls_key": None}, "GUANXI_TLS_KEY"),
        ({"kms_url": "http://kms.bank.example", "kms_token": "/run/kms"}, "GUANXI_KMS_URL"),
    ],
)
def test_production_is_refused_for_each_flaw_alone(ground: Ground, flaw: dict[str, object], told: str) -> None:
    assert ground.settings("probe", **FIT).mode is Mode.PRODUCTION
    with pytest.raises(ValueError, match="not fit for production") as refused:
        ground.settings("probe", **{**FIT, **flaw})
    assert told in str(refused.value)
    assert str(refused.value).count(";") == 0


async def test_the_address_that_production_demands_reaches_the_driver(ground: Ground) -> None:
    url = f"{ground.url('probe', 'app')}?sslmode=verify-full&sslrootcert={certifi.where()}"
    engine = new_engine(url)
    with pytest.raises(ConnectionError, match="SSL"):  # the local server has none, and says so
        async with engine.connect():
            pass
    await engine.dispose()


def test_permissions_are_read_from_the_routes(probe: Probe) -> None:
    from fastapi.routing import iter_route_contexts  # noqa: PLC0415

    declared = {p for route in iter_route_contexts(probe.app.api.routes) for p in permissions_of(route)}
    assert declared == {"things:read", "things:change"}
