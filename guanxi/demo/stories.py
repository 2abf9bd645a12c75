"""What the demo bank's customers and people do, through the REST API with fixed Idempotency-Keys."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from guanxi.client import Client, Refused
from guanxi.demo.core import SOURCE
from guanxi.demo.organisation import Branch
from guanxi.demo.plan import Planned
from guanxi.local.issuer import ISSUER, LocalIssuer

COMPLAINT_COURSE = ("received", "accepted", "assigned", "replied", "closed")
"""How far a complaint has come, from one move to the next."""
CAMPAIGN_COURSE = ("draft", "in_review", "approved", "running")
"""And a campaign."""


@dataclass
class Stories:
    """`of` holds each branch's people by role; `ids` the customers that are known so far, by place."""

    seed: int
    gateway: str
    issuer: LocalIssuer
    branches: list[Branch]
    of: list[dict[str, Client]]
    ids: dict[int, str] = field(default_factory=dict)

    async def register(self, batch: Sequence[Planned]) -> None:
        """Customers of one branch."""
        head, body = self.of[batch[0].branch]["branch_head"], {"customers": [self._registration(one) for one in batch]}
        key = f"demo {self.seed} customers {[planned.place for planned in batch]}"
        made, _ = await head.post("/api/v1/customers/batches", body, key=key)
        self.ids |= {planned.place: one["id"] for planned, one in zip(batch, made["customers"], strict=True)}

    def _registration(self, planned: Planned) -> dict[str, Any]:
        who = planned.who
        return {
            "name": who.name,
            "kind": who.kind,
            "home_unit_id": self.branches[planned.branch].unit_id,
            "documents": [{"type": who.document_type, "number": who.document}],
            "contact_points": [{"kind": "phone", "value": who.phone}],
            "source_reference": {"source": SOURCE, "source_id": planned.ref},
        }

    async def sign_up(self, planned: Planned) -> None:
        """Let a customer sign in, once their branch is known to the service."""
        head, path = self.of[planned.branch]["branch_head"], f"/api/v1/customers/{self.ids[planned.place]}"
        login = {"issuer": ISSUER, "subject": _login(planned)}
        await once(head.change(path, "logins", login, key=self._key("login", planned)))

    async def consent(self, planned: Planned) -> None:
        """To be told over channels: signed in as themselves, since nobody does it for them."""
        async with Client(self.gateway, self.issuer.token(_login(planned), ["customer"])) as own:
            known = await own.get_once_known("/api/v1/me/consents")
            given = {consent["channel"] for consent in known["items"]}
            for channel in planned.channels:
                if channel in given:  # or was, and is withdrawn
                    continue
                terms = {"purpose": "marketing", "channel": channel, "text_version": "marketing-v1"}
                await once(own.post("/api/v1/me/consents", terms, key=self._key(f"consent {channel}", planned)))

    async def relate(self, planned: Planned) -> None:
        """Who lives with them."""
        teller, path, own = self.of[planned.branch]["teller"], "/api/v1/customer-relations", self.ids[planned.place]
        known = (await teller.get(path, customer_id=own))["items"]
        related = {id_ for each in known for id_ in (each["customer_id"], each["related_id"])}
        for kind, place in (("spouse", planned.spouse), ("household_member", planned.housemate)):
            other = None if place is None else self.ids.get(place)
            if other and other not in related:
                body = {"customer_id": own, "related_id": other, "kind": kind}
                await once(teller.post(path, body, key=self._key(kind.partition("_")[0], planned)))

    async def complain(self, planned: Planned) -> None:
        """And be heard, as far as it goes."""
        if planned.complaint is None:
            return
        people, key = self.of[planned.branch], self._key("complaint", planned)
        about = {"customer_id": self.ids[planned.place], "limit": "1"}
        known = (await people["teller"].get("/api/v1/complaints", **about))["items"]
        body: dict[str, Any] = {
            "customer_id": self.ids[planned.place],
            "channel": "counter",
            "business": "bank_card",
            "cause": "service_attitude",
            "facts": "柜台等候时间过长。",
        }
        complaint = known[0] if known else (await people["teller"].post("/api/v1/complaints", body, key=key))[0]
        moves: tuple[tuple[str, dict[str, str] | None], ...] = (
            ("accept", None),
            ("assign", {"handler_id": self.branches[planned.branch].officer_id}),
            ("reply", {"decision": "已致歉并增设窗口。", "channel": "phone"}),
            ("close", {"root_cause": "窗口不足", "responsibility": "branch", "remedy": "增设窗口"}),
        )
        for move, with_ in moves[
            _moves_behind(COMPLAINT_COURSE, complaint) : COMPLAINT_COURSE.index(planned.complaint)
        ]:
            path, version = f"/api/v1/complaints/{complaint['id']}/{move}", complaint["version"]
            complaint, _ = await people["branch_head"].post(path, with_, key=f"{key} {move}", version=version)

    async def campaign(self, branch: Branch, people: dict[str, Client], product_id: str) -> None:
        """For everyone of the branch who may be told: drafted, approved by the head, started."""
        key, code = f"demo {self.seed} campaign {branch.code}", f"wealth-{branch.code}-{letters_of(self.seed)}"
        known = (await people["marketing_officer"].get("/api/v1/campaigns", code=code))["items"]
        body = {
            "org_unit_id": branch.unit_id,
            "code": code,
            "name": "稳健理财秋季活动",
            "channel": "sms",
            "product_id": product_id,
            "message": "稳健理财正在发售。",
        }
        officer, head = people["marketing_officer"], people["branch_head"]
        campaign = known[0] if known else (await officer.post("/api/v1/campaigns", body, key=key))[0]
        moves = (officer, "submit"), (head, "approve"), (officer, "start")
        for person, move in moves[_moves_behind(CAMPAIGN_COURSE, campaign) :]:
            path, version = f"/api/v1/campaigns/{campaign['id']}/{move}", campaign["version"]
            campaign, _ = await person.post(path, None, key=f"{key} {move}", version=version)

    def _key(self, what: str, planned: Planned) -> str:
        return f"demo {self.seed} {what} {planned.place}"


async def once(command: Awaitable[object]) -> None:
    """What stands already is done: the keys of commands are forgotten after a day."""
    try:
        await command
    except Refused as refused:
        if refused.status != HTTPStatus.CONFLICT:
            raise


def _moves_behind(course: Sequence[str], thing: dict[str, Any]) -> int:
    """How many moves a thing has behind it: all of them, where people took it another way."""
    return course.index(thing["status"]) if thing["status"] in course else len(course)


def letters_of(seed: int) -> str:
    """A seed as a code may hold it: no digits in a row."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(abs(seed)))


def _login(planned: Planned) -> str:
    return f"customer-demo-{planned.seed}-{planned.place}"
