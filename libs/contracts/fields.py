"""The field catalogue: what the bank keeps about customers, how sensitive it is, who sees it how, for how long and why.

Classes are those of JR/T 0171-2020, a standard of the People's Bank of China on personal financial information: C3 is
what signs somebody in (never kept here), C2 what identifies somebody or tells what they own, C1 the rest. Why a field
stands in its class: docs/adr/0011. `tests/contracts/test_fields.py` holds every column of every service against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Sensitivity(StrEnum):
    C1 = "C1"
    C2 = "C2"


class Handling(StrEnum):
    """How a field is kept and told."""

    IDENTIFIER = "identifier"
    """Encrypted, found by a blind index, shown masked, in no event."""
    DESCRIPTOR = "descriptor"
    """In clear where its owner keeps it and in sections; in no event."""
    BEHAVIOUR = "behaviour"
    """In clear at rest, in sections and in events, beside ids."""


class Basis(StrEnum):
    """Why it may be kept (PIPL, article 13)."""

    CONTRACT = "contract"
    LAW = "law"
    CONSENT = "consent"


class Retention(StrEnum):
    """For how long, at least and at most: until the purpose is done and the law lets it go."""

    RELATIONSHIP = "while the relationship lasts, and as long after it as anti-money-laundering law says"
    CASE = "while the case is open, and as long after it as the regulator says"
    CONSENT = "while the consent stands, and as proof of it afterwards"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column. `mask` names a function of `libs/common/masks.py`, for each kind where kinds differ; without one it
    is shown as it is.

    `narrow` names what is made of the mask for the roles of `OUTLINED` (`libs/directory/permissions.py`).

    `reveal` is the permission to see it in clear where it is masked.
    """

    service: str
    column: str
    sensitivity: Sensitivity
    handling: Handling
    mask: str | Mapping[str, str] | None = None
    narrow: str | None = None
    reveal: str | None = None
    retention: Retention = Retention.RELATIONSHIP
    basis: Basis = Basis.CONTRACT


def _identifier(column: str, mask: str | Mapping[str, str], basis: Basis = Basis.CONTRACT) -> Field:
    return Field(
        service="customer",
        column=column,
        sensitivity=Sensitivity.C2,
        handling=Handling.IDENTIFIER,
        mask=mask,
        narrow="outline",
        reveal="identifiers:reveal",
        basis=basis,
    )


def _fields(
    service: str, sensitivity: Sensitivity, handling: Handling, retention: Retention, basis: Basis, *columns: str
) -> tuple[Field, ...]:
    return tuple(
        Field(
            service=service,
            column=column,
            sensitivity=sensitivity,
            handling=handling,
            retention=retention,
            basis=basis,
        )
        for column in columns
    )


C1, C2 = Sensitivity.C1, Sensitivity.C2
DESCRIPTOR, BEHAVIOUR = Handling.DESCRIPTOR, Handling.BEHAVIOUR
RELATIONSHIP, CASE, CONSENT = Retention.RELATIONSHIP, Retention.CASE, Retention.CONSENT

FIELDS: tuple[Field, ...] = (
    _identifier("identity_documents.number", "mask_document", Basis.LAW),
    _identifier("contact_points.value", {"phone": "mask_phone", "email": "mask_email", "address": "mask_address"}),
    _identifier("accounts.number", "mask_account"),
    _identifier("transactions.account_number", "mask_account"),
    *_fields(
        "customer", C2, DESCRIPTOR, RELATIONSHIP, Basis.LAW,
        "customers.name", "customers.name_folded", "customers.name_grams", "customers.birth_date", "customers.gender",
    ),
    *_fields("customer", C2, DESCRIPTOR, RELATIONSHIP, Basis.CONTRACT, "customers.logins"),
    *_fields(
        "customer", C2, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "accounts.balance", "accounts.limit", "accounts.rate", "accounts.overdue_days",
        "transactions.direction", "transactions.amount", "transactions.currency", "transactions.booked_at",
        "transactions.channel", "transactions.category", "transactions.counterparty_bank", "transactions.initiated_by",
        "transactions.reverses", "daily_flows.day", "daily_flows.currency", "daily_flows.inflow", "daily_flows.outflow",
        "daily_flows.bookings", "daily_flows.initiated", "daily_balances.day", "daily_balances.balance",
    ),
    *_fields(
        "customer", C1, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "customers.kind", "customers.status", "customers.home_unit_id", "customers.grade", "customers.registered_at",
        "identity_documents.type", "identity_documents.valid_from", "identity_documents.valid_to",
        "contact_points.kind", "source_references.source", "source_references.source_id",
        "customer_batches.batch_id", "customer_batches.place",
        "accounts.origin", "accounts.source", "accounts.kind", "accounts.product", "accounts.currency",
        "accounts.unit_code", "accounts.opened_on", "accounts.closed_on", "accounts.status", "accounts.maturity_on",
        "accounts.as_of", "account_holders.role", "transactions.source", "transactions.transaction_ref",
        "holdings.due_at", "holdings.told_on", "holdings.flows_until",
    ),
    *_fields(
        "customer", C1, BEHAVIOUR, CONSENT, Basis.CONSENT,
        "consents.purpose", "consents.party", "consents.channel",
        "consents.text_version", "consents.granted_at", "consents.withdrawn_at",
    ),
    *_fields(
        "customer", C2, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "holdings.grade_due_at", "customers.months_below", "relations.kind",
        "relations.added_at", "relations.ended_at", "interactions.service", "interactions.type", "interactions.subject",
        "interactions.occurred_at", "interactions.facts",
    ),
    *_fields(
        "customer", C1, BEHAVIOUR, RELATIONSHIP, Basis.LAW,
        "reveals.kind", "reveals.reason", "reveals.revealed_at", "reveals.expires_at",
    ),
    *_fields(
        "manager", C1, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "assignments.line", "assignments.role", "assignments.rule", "assignments.reason", "assignments.started_at",
        "assignments.ended_at", "assignments.end_reason", "access_grants.reason", "access_grants.given_at",
        "access_grants.ends_at", "access_grants.ended_at", "access_grants.end_reason", "ethical_walls.reason",
        "ethical_walls.raised_at", "ethical_walls.lifted_at", "ethical_walls.lift_reason",
        "tasks.kind", "tasks.due_at", "tasks.opened_at", "tasks.rule", "tasks.cause_id", "tasks.status",
        "waiting_tasks.kind", "waiting_tasks.due_at", "waiting_tasks.opened_at", "waiting_tasks.rule",
        "waiting_tasks.cause_id",
        "tasks.fell_due_at", "tasks.ended_at",
        "known_customers.line", "known_customers.home_unit_id", "known_customers.waiting",
    ),
    *_fields("manager", C2, DESCRIPTOR, RELATIONSHIP, Basis.CONTRACT, "tasks.note", "tasks.outcome"),
    *_fields(
        "marketing", C1, BEHAVIOUR, CONSENT, Basis.CONSENT,
        "audience.channels", "audience.complaint_ids", "campaign_members.channel",
        "campaign_members.selected_at", "campaign_members.status",
        "campaign_members.reason",
    ),
    *_fields(
        "marketing", C1, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "points_accounts.balance", "points_lots.rule", "points_lots.points", "points_lots.remaining",
        "points_lots.expires_on", "points_lots.source_id", "points_entries.movement", "points_entries.points",
        "points_entries.balance", "points_entries.purpose", "points_entries.at", "audience.kinds",
    ),
    *_fields(
        "marketing", C2, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT, "audience.value_group", "audience.assets",
    ),
    *_fields(
        "scoring", C2, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "scores.contribution", "scores.value_group", "scores.reasons", "scores.holdings", "scores.assets",
        "scores.initiated", "scores.last_initiated_on", "scores.branch_contacts", "scores.fees",
    ),
    *_fields(
        "scoring", C1, BEHAVIOUR, RELATIONSHIP, Basis.CONTRACT,
        "scores.as_of", "scores.currency", "scores.recency", "scores.frequency", "scores.monetary", "scores.rfm_name",
    ),
    *_fields(
        "complaints", C2, DESCRIPTOR, CASE, Basis.LAW,
        "complaints.facts", "complaints.decision", "complaints.root_cause", "complaints.responsibility",
        "complaints.remedy",
    ),
    *_fields(
        "complaints", C1, BEHAVIOUR, CASE, Basis.LAW,
        "complaints.number", "complaints.regimes", "complaints.channel", "complaints.business", "complaints.cause",
        "complaints.status", "complaints.cycle", "complaints.received_at", "complaints.reply_due_at",
        "complaints.handler_id", "complaints.reply_channel", "complaints.replied_at", "complaints.closed_at",
    ),
)  # fmt: skip
