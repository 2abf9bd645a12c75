"""How each mounted path is tried: which of the twelve customers, or of the units, a caller gets to by it.

A change is tried with an If-Match that nothing has: 412 says that the thing was found, 404 that it was not, and
nothing changes. Something new is tried with one wrong value that is looked at after the customer.
"""

import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.security.bank import COLLEAGUE_IDS, CUSTOMER_IDS, PARTNER, THING_IDS, UNIT_IDS, WEBHOOK_IDS, number_of
from tests.streams import first_piece

HIDDEN, FORBIDDEN = 404, 403

Seen = set[str] | None
Try = Callable[[httpx.AsyncClient, str, str], Awaitable[Seen]]
"""Takes a client, the method and the path's template; None where the path is refused for the role."""

NAMES = {**{id_: name for name, id_ in CUSTOMER_IDS.items()}, **{id_: name for name, id_ in THING_IDS.items()}}
WEBHOOK_NAMES = {id_: name for name, id_ in WEBHOOK_IDS.items()}
UNIT_NAMES = {id_: name for ids in (UNIT_IDS, COLLEAGUE_IDS) for name, id_ in ids.items()}
OTHER = str(uuid4())

PLACE = re.compile(r"\{\w+\}")

Ids = dict[str, UUID]


async def each(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    ids: Ids,
    found: tuple[int, ...] = (200,),
    body: Callable[[str], Any] | None = None,
    query: Callable[[str], dict[str, str]] | None = None,
) -> Seen:
    """One request for each thing, named in the path or in the body."""
    seen: set[str] = set()
    for name, id_ in ids.items():
        url = PLACE.sub(str(id_), path, count=1)
        url = PLACE.sub(OTHER, url)
        headers = {"If-Match": '"0"', "Idempotency-Key": str(uuid4())}
        content = body(name) if body else None
        answer = await client.request(method, url, json=content, headers=headers, params=query(name) if query else None)
        if answer.status_code == FORBIDDEN:
            return None
        if answer.status_code in found:
            seen.add(name)
        elif answer.status_code != HIDDEN:
            raise AssertionError(f"{method} {url} for {name}: {answer.status_code} {answer.text}")
    return seen


async def listed(
    client: httpx.AsyncClient, method: str, path: str, *, key: str = "customer_id", names: dict[UUID, str] = NAMES
) -> Seen:
    answer = await client.request(method, path, params={"limit": "200"})
    if answer.status_code == FORBIDDEN:
        return None
    assert answer.status_code == 200, f"{method} {path}: {answer.text}"
    ids = [UUID(item[key]) for item in answer.json()["items"] if item[key]]
    return {names[id_] for id_ in ids if id_ in names}


async def searched(client: httpx.AsyncClient, method: str, path: str) -> Seen:
    seen: set[str] = set()
    for name in CUSTOMER_IDS:
        found = await client.request(method, path.removesuffix("?name"), params={"name": f"matrix {name}"})
        if found.status_code == FORBIDDEN:
            return None
        seen |= {NAMES[UUID(item["id"])] for item in found.json()["items"]}
    return seen


async def found_by_last_four(client: httpx.AsyncClient, method: str, path: str) -> Seen:
    seen: set[str] = set()
    for name in CUSTOMER_IDS:
        body = {"kind": "identity_document", "last_four": number_of(name)[-4:]}
        found = await client.request(method, path, json=body)
        if found.status_code == FORBIDDEN:
            return None
        seen |= {NAMES[UUID(item["id"])] for item in found.json()["items"]}
    return seen


async def registered(client: httpx.AsyncClient, method: str, path: str, *, together: bool = False) -> Seen:
    """Whose source reference is within reach is answered again; of another's only the conflict shows.

    In batches of one: somebody out of reach would hold up the others.
    """
    seen: set[str] = set()
    for name, id_ in CUSTOMER_IDS.items():
        reference = {"source": "matrix", "source_id": f"matrix {name}"}
        one = {"name": "x", "home_unit_id": str(UNIT_IDS["B1"]), "source_reference": reference}
        body, headers = {"customers": [one]} if together else one, {"Idempotency-Key": str(uuid4())}
        answer = await client.request(method, path, json=body, headers=headers)
        if answer.status_code == FORBIDDEN:
            return None
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            (made,) = answer.json()["customers"] if together else [answer.json()]
            seen |= {name} if made["id"] == str(id_) else set()
    return seen


async def batched(client: httpx.AsyncClient, method: str, path: str) -> Seen:
    answer = await client.request(method, path, json={"customer_ids": [str(id_) for id_ in CUSTOMER_IDS.values()]})
    if answer.status_code == FORBIDDEN:
        return None
    return {NAMES[UUID(item["customer_id"])] for item in answer.json()["items"]}


async def followed(client: httpx.AsyncClient, method: str, path: str) -> Seen:
    """Whom the stream says that it follows; it goes on, and is left after that."""
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    ids = ",".join(map(str, CUSTOMER_IDS.values()))
    status, first = await first_piece(transport.app, method, path, f"customer_ids={ids}", client.headers)
    if status == FORBIDDEN:
        return None
    if status == HIDDEN:
        return set()
    assert status == 200, first
    told = json.loads(first.partition(b"data: ")[2])
    return {NAMES[UUID(id_)] for id_ in told["customer_ids"]}


def of_webhook(tried: Try) -> Try:
    """The same within the partner's own webhook."""

    async def within(client: httpx.AsyncClient, method: str, path: str) -> Seen:
        return await tried(client, method, path.replace("{webhook_id}", str(WEBHOOK_IDS[PARTNER])))

    return within


def of_customer(**more: Any) -> Callable[[str], Any]:
    return lambda name: {"customer_id": str(CUSTOMER_IDS[name]), **more}


def as_customer(name: str) -> dict[str, str]:
    return {"customer_id": str(CUSTOMER_IDS[name])}


def related_to_themselves(name: str) -> Any:
    return {"customer_id": str(CUSTOMER_IDS[name]), "related_id": str(CUSTOMER_IDS[name]), "kind": "sibling"}


def found_by_document(name: str) -> Any:
    return {"type": "passport", "number": number_of(name)}


def of(ids: Ids, *found: int, **more: Any) -> Try:
    return partial(each, ids=ids, found=found or (200,), **more)


CHANGED = of(CUSTOMER_IDS, 412)
THING_CHANGED = of(THING_IDS, 412)
LOGIN = {"issuer": "https://id.example", "subject": "x"}
CONTACT = {"kind": "email", "value": "a@example.com"}
REASON = {"reason": "r"}
STAFF_CHANGED = partial(of, COLLEAGUE_IDS, 412)
WEBHOOK_CHANGED = partial(of, WEBHOOK_IDS, 412)
WEBHOOK = {"url": "https://partner.example/hook", "types": ["crm.customer.updated.v1"]}
SPENDING = {"points": 1, "purpose": "p"}
CASE = {"channel": "phone", "business": "b", "cause": "c", "facts": "f", "regimes": ["unknown"]}

TRIES: dict[str, Try] = {
    "customer GET /api/v1/customers": partial(listed, key="id"),
    "customer GET /api/v1/customers?name": searched,
    "customer POST /api/v1/customers/find-by-document": of(CUSTOMER_IDS, body=found_by_document),
    "customer POST /api/v1/customers/find-by-last-four": found_by_last_four,
    "customer GET /api/v1/customers/{customer_id}": of(CUSTOMER_IDS),
    "customer POST /api/v1/customers": registered,
    "customer POST /api/v1/customers/batches": partial(registered, together=True),
    "customer POST /api/v1/customers/{customer_id}/documents": of(CUSTOMER_IDS, 412, body=found_by_document),
    "customer POST /api/v1/customers/{customer_id}/contact-points": of(CUSTOMER_IDS, 412, body=lambda _: CONTACT),
    "customer DELETE /api/v1/customers/{customer_id}/contact-points/{contact_point_id}": CHANGED,
    "customer PUT /api/v1/customers/{customer_id}/home": of(CUSTOMER_IDS, 412, body=lambda _: {"home_unit_id": OTHER}),
    "customer POST /api/v1/customers/{customer_id}/logins": of(CUSTOMER_IDS, 412, body=lambda _: LOGIN),
    "customer POST /api/v1/customers/{customer_id}/logins/unbind": of(CUSTOMER_IDS, 412, body=lambda _: LOGIN),
    "customer GET /api/v1/accounts": partial(listed, key="id"),
    "customer GET /api/v1/accounts/{account_id}": of(THING_IDS),
    "customer POST /api/v1/accounts": of(CUSTOMER_IDS, 409, body=of_customer(kind="savings", product="p")),
    "customer POST /api/v1/accounts/{account_id}/close": of(THING_IDS, 412, body=lambda _: {"closed_on": "2026-01-01"}),
    "customer GET /api/v1/interactions": listed,
    "customer GET /api/v1/customer-relations": listed,
    "customer GET /api/v1/customer-relations/{relation_id}": of(THING_IDS),
    "customer POST /api/v1/customer-relations": of(CUSTOMER_IDS, 422, body=related_to_themselves),
    "customer POST /api/v1/customer-relations/{relation_id}/end": THING_CHANGED,
    "customer POST /api/v1/me/contact-points": of(CUSTOMER_IDS, 412, body=lambda _: CONTACT, query=as_customer),
    "customer DELETE /api/v1/me/contact-points/{contact_point_id}": of(CUSTOMER_IDS, 412, query=as_customer),
    "customer GET /api/v1/me/consents": of(CUSTOMER_IDS, query=as_customer),
    "customer POST /api/v1/me/consents": of(
        CUSTOMER_IDS,
        409,
        body=lambda _: {"purpose": "third_party_sharing", "party": "matrix", "text_version": "v1"},
        query=as_customer,
    ),
    "customer POST /api/v1/me/consents/{consent_id}/withdraw": THING_CHANGED,
    "customer POST /api/v1/reveals": of(CUSTOMER_IDS, 422, body=of_customer(kind="contact_point", thing_id=OTHER)),
    "customer GET /api/v1/reveals/{reveal_id}": of(THING_IDS),
    "customer GET /internal/v1/sections/{customer_id}": of(CUSTOMER_IDS),
    "manager GET /api/v1/org-units": partial(listed, key="id", names=UNIT_NAMES),
    "manager GET /api/v1/org-units/{unit_id}": of(UNIT_IDS),
    "manager GET /api/v1/staff": partial(listed, key="id", names=UNIT_NAMES),
    "manager GET /api/v1/staff/{staff_id}": of(COLLEAGUE_IDS),
    "manager PUT /api/v1/staff/{staff_id}/roles": STAFF_CHANGED(body=lambda _: {"roles": ["teller"]}),
    "manager PUT /api/v1/staff/{staff_id}/units": STAFF_CHANGED(body=lambda _: {"unit_ids": [OTHER]}),
    "manager POST /api/v1/staff/{staff_id}/leave": STAFF_CHANGED(),
    "manager POST /api/v1/staff/{staff_id}/logins": STAFF_CHANGED(body=lambda _: LOGIN),
    "manager POST /api/v1/staff/{staff_id}/logins/unbind": STAFF_CHANGED(body=lambda _: LOGIN),
    "manager GET /api/v1/assignments": listed,
    "manager POST /api/v1/assignments": of(CUSTOMER_IDS, 422, body=of_customer(staff_id=OTHER, reason="r")),
    "manager GET /api/v1/tasks": listed,
    "manager GET /api/v1/tasks/{task_id}": of(THING_IDS),
    "manager POST /api/v1/tasks": of(
        CUSTOMER_IDS, 422, body=of_customer(staff_id=OTHER, kind="k", due_at="2020-01-01T00:00:00Z")
    ),
    "manager POST /api/v1/tasks/{task_id}/complete": of(THING_IDS, 412, body=lambda _: {"outcome": "o"}),
    "manager POST /api/v1/tasks/{task_id}/cancel": of(THING_IDS, 412, body=lambda _: REASON),
    "manager GET /api/v1/access-grants": listed,
    "manager GET /api/v1/access-grants/{grant_id}": of(THING_IDS),
    "manager POST /api/v1/access-grants": of(
        CUSTOMER_IDS, 422, body=of_customer(staff_id=OTHER, reason="r", ends_at="2020-01-01T00:00:00Z")
    ),
    "manager POST /api/v1/access-grants/{grant_id}/end": of(THING_IDS, 412, body=lambda _: REASON),
    "manager GET /api/v1/ethical-walls": listed,
    "manager GET /api/v1/ethical-walls/{wall_id}": of(THING_IDS),
    "manager POST /api/v1/ethical-walls": of(CUSTOMER_IDS, 422, body=of_customer(staff_id=OTHER, reason="r")),
    "manager POST /api/v1/ethical-walls/{wall_id}/lift": of(THING_IDS, 412, body=lambda _: REASON),
    "manager GET /internal/v1/sections/{customer_id}": of(CUSTOMER_IDS),
    "complaints GET /api/v1/complaints": listed,
    "complaints GET /api/v1/complaints/{complaint_id}": of(THING_IDS),
    "complaints POST /api/v1/complaints": of(CUSTOMER_IDS, 422, body=of_customer(**CASE)),
    "complaints POST /api/v1/complaints/{complaint_id}/accept": THING_CHANGED,
    "complaints POST /api/v1/complaints/{complaint_id}/assign": of(
        THING_IDS, 412, body=lambda _: {"handler_id": OTHER}
    ),
    "complaints POST /api/v1/complaints/{complaint_id}/reply": of(
        THING_IDS, 412, body=lambda _: {"decision": "d", "channel": "phone"}
    ),
    "complaints POST /api/v1/complaints/{complaint_id}/close": of(
        THING_IDS, 412, body=lambda _: {"root_cause": "r", "responsibility": "r", "remedy": "r"}
    ),
    "complaints POST /api/v1/me/complaints": of(CUSTOMER_IDS, 422, body=lambda _: CASE, query=as_customer),
    "complaints GET /internal/v1/sections/{customer_id}": of(CUSTOMER_IDS),
    "marketing GET /api/v1/points-accounts": listed,
    "marketing GET /api/v1/points-accounts/{account_id}": of(THING_IDS),
    "marketing GET /api/v1/points-accounts/{account_id}/entries": of(THING_IDS),
    "marketing POST /api/v1/points-accounts/{account_id}/spend": of(THING_IDS, 409, body=lambda _: SPENDING),
    "marketing GET /api/v1/campaign-members": listed,
    "marketing GET /api/v1/campaign-members/{member_id}": of(THING_IDS),
    "marketing GET /api/v1/campaigns": partial(listed, key="id", names=UNIT_NAMES),
    "marketing GET /api/v1/campaigns/{campaign_id}": of(UNIT_IDS),
    **{
        f"marketing POST /api/v1/campaigns/{{campaign_id}}/{move}": of(UNIT_IDS, 412)
        for move in ("submit", "approve", "reject", "start", "cancel")
    },
    "marketing GET /api/v1/me/points": of(CUSTOMER_IDS, query=as_customer),
    "marketing POST /api/v1/me/points/spend": of(CUSTOMER_IDS, 409, body=lambda _: SPENDING, query=as_customer),
    "marketing GET /internal/v1/sections/{customer_id}": of(CUSTOMER_IDS),
    "scoring GET /api/v1/scores": listed,
    "scoring GET /api/v1/scores/{score_id}": of(THING_IDS),
    "scoring GET /internal/v1/sections/{customer_id}": of(CUSTOMER_IDS),
    "gateway GET /api/v1/customers/{customer_id}/360": of(CUSTOMER_IDS),
    "gateway POST /api/v1/customers/360:batch": batched,
    "gateway GET /api/v1/changes": followed,
    "gateway GET /api/v1/webhooks": partial(listed, key="id", names=WEBHOOK_NAMES),
    "gateway GET /api/v1/webhooks/{webhook_id}": of(WEBHOOK_IDS),
    "gateway PUT /api/v1/webhooks/{webhook_id}": WEBHOOK_CHANGED(body=lambda _: WEBHOOK),
    **{
        f"gateway POST /api/v1/webhooks/{{webhook_id}}/{move}": WEBHOOK_CHANGED() for move in ("pause", "resume", "end")
    },
    "gateway GET /api/v1/webhooks/{webhook_id}/secrets": of(WEBHOOK_IDS),
    "gateway POST /api/v1/webhooks/{webhook_id}/secrets": WEBHOOK_CHANGED(body=lambda _: {}),
    "gateway POST /api/v1/webhooks/{webhook_id}/ping": of(WEBHOOK_IDS, 202),
    "gateway GET /api/v1/webhooks/{webhook_id}/deliveries": of_webhook(listed),
    "gateway GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}": of_webhook(of(THING_IDS)),
    "gateway POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": of_webhook(of(THING_IDS, 412)),
    "gateway GET /api/v1/me/view": of(CUSTOMER_IDS, query=as_customer),
    **{
        f"gateway GET /api/v1/me/{part}": of(CUSTOMER_IDS, query=as_customer)
        for part in ("accounts", "contact-points", "complaints", "managers")
    },
}
