"""The view's entry is written while the view is read: durable before the answer, and it says no more than is known."""

import httpx
import pytest

from tests.conftest import Ground
from tests.gateway.reader import Reader, reader_of
from tests.served import listening


async def test_a_view_that_is_shown_has_one_entry(reader: Reader) -> None:
    shown = await reader.get(reader.near, **{"Guanxi-Reason": "at the counter"})
    assert shown.status_code == 200, shown.text
    (entry,) = await reader.entries(shown)
    assert (entry["status"], entry["follows"], entry["reason"]) == (102, None, "at the counter")
    assert entry["customer_ids"] == [str(reader.near)]
    assert entry["route"] == "/api/v1/customers/{customer_id}/360"
    known = await reader.get(reader.near, **{"If-None-Match": shown.headers["ETag"]})
    assert known.status_code == 304
    assert [entry["status"] for entry in await reader.entries(known)] == [102]


async def test_a_refusal_follows_what_was_asked(reader: Reader) -> None:
    refused = await reader.get(reader.far)
    assert refused.status_code == 404
    asked, ended = await reader.entries(refused)
    assert (asked["status"], ended["status"], ended["follows"]) == (102, 404, asked["id"])
    assert asked["customer_ids"] == ended["customer_ids"] == [str(reader.far)]


async def test_whoever_asks_for_many_leaves_whom_they_asked_for(reader: Reader) -> None:
    body = {"customer_ids": [str(reader.far), str(reader.near)]}
    shown = await reader.client.post("/api/v1/customers/360:batch", json=body)
    assert shown.json()["not_found"] == [str(reader.far)]
    (entry,) = await reader.entries(shown)
    assert entry["customer_ids"] == body["customer_ids"]
    refused = await reader.client.get("/api/v1/changes", params={"customer_ids": str(reader.far)})
    assert refused.status_code == 404
    assert [(e["status"], e["customer_ids"]) for e in await reader.entries(refused)] == [(404, [str(reader.far)])]


@pytest.mark.parametrize(("query", "customer"), [("?sections=moods", None), ("", "none")])
async def test_what_asks_for_nobody_says_how_it_ended_alone(reader: Reader, query: str, customer: str | None) -> None:
    wrong = await reader.get(customer or reader.near, query=query)
    assert wrong.status_code == 422
    assert [entry["status"] for entry in await reader.entries(wrong)] == [422]


async def test_an_entry_names_where_a_named_proxy_was_asked_from(ground: Ground) -> None:
    async with reader_of(ground, proxies=("127.0.0.0/8",)) as reader:
        async with listening(reader.app.public, reader.app.chassis.settings) as port:
            headers = {**reader.client.headers, "X-Forwarded-For": "203.0.113.77, 198.51.100.9"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as proxied:
                shown = await proxied.get(f"/api/v1/customers/{reader.near}/360")
        (entry,) = await reader.entries(shown)
        assert entry["origin"] == "198.51.100.9", "who asked that proxy; what it was told before, anybody may say"


async def test_a_view_whose_entry_is_not_stored_is_not_answered(reader: Reader) -> None:
    assert (await reader.get(reader.near)).status_code == 200
    await reader.owner.execute("REVOKE INSERT ON audit_entries FROM viewed_app")
    try:
        for customer in (reader.near, reader.far):
            withheld = await reader.get(customer)
            assert (withheld.status_code, set(withheld.json())) == (
                503,
                {"type", "title", "status", "detail", "trace_id"},
            )
    finally:
        await reader.owner.execute("GRANT INSERT ON audit_entries TO viewed_app")
    assert (await reader.get(reader.near)).status_code == 200


async def test_customers_see_themselves_and_leave_an_entry_too(reader: Reader) -> None:
    token = reader.ground.issuer.token(str(reader.near), ["customer"])
    seen = await reader.client.get("/api/v1/me/view", headers={"Authorization": f"Bearer {token}"})
    assert seen.status_code == 200, seen.text
    assert seen.json()["customer_id"] == str(reader.near)
    (entry,) = await reader.entries(seen)
    assert (entry["status"], entry["customer_ids"]) == (200, [str(reader.near)])
