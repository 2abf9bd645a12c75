"""Everything that is published, in one place: documents, checks and `guanxi topics apply` read it."""

from libs.common.announcements import DeadLetterRaised
from libs.common.domain import DomainEvent
from libs.common.topics import AUDIT, DEAD_LETTERS, Topic
from libs.contracts import complaints, core, customer, manager, marketing, references, scoring, sections

EVENTS: dict[Topic, tuple[type[DomainEvent], ...]] = {
    customer.EVENTS: customer.ALL,
    manager.EVENTS: manager.ALL,
    marketing.EVENTS: marketing.ALL,
    complaints.EVENTS: complaints.ALL,
    scoring.EVENTS: scoring.ALL,
}

SECTIONS: dict[str, tuple[Topic, type]] = {
    "profile": (customer.SECTION, sections.Profile),
    "relationship": (manager.SECTION, sections.Relationship),
    "marketing": (marketing.SECTION, sections.Marketing),
    "complaints": (complaints.SECTION, sections.Complaints),
    "scores": (scoring.SECTION, sections.Scores),
}
"""Section name → its topic and shape, in the order in which the 360° view shows them."""

REFERENCES: dict[Topic, type] = {
    customer.REFERENCE: references.CustomerReference,
    manager.ASSIGNMENT_REFERENCE: references.AssignmentReference,
    manager.ORG_UNIT_REFERENCE: references.OrgUnitReference,
    manager.STAFF_REFERENCE: references.StaffReference,
    complaints.CASE_REFERENCE: references.CaseReference,
}

CORE: dict[Topic, tuple[str, type]] = {
    core.ACCOUNTS: (core.ACCOUNT_STATED, core.CoreAccount),
    core.TRANSACTIONS: (core.TRANSACTION_BOOKED, core.CoreTransaction),
}
"""A topic of the bank's core → the one type that it holds, and its shape."""

ANNOUNCEMENTS: dict[Topic, tuple[type[DomainEvent], ...]] = {DEAD_LETTERS: (DeadLetterRaised,)}
"""What any service may send about its own work: for operators, and granted to no partner."""

DOCUMENTED: tuple[Topic, ...] = (
    *EVENTS, *(topic for topic, _ in SECTIONS.values()), *REFERENCES, *CORE, *ANNOUNCEMENTS,
)  # fmt: skip
TOPICS: tuple[Topic, ...] = (*DOCUMENTED, AUDIT)
"""The audit trail is for the bank's auditor alone: it is no part of the published language."""
