"""Who may do what, and how far each role reaches. A bank changes these tables, not the code."""

from enum import StrEnum


class Reach(StrEnum):
    """Which customers a role reaches."""

    SELF = "self"
    CONSENT = "consent"
    OWN = "own"
    COVER = "cover"
    CASE = "case"
    TEAM = "team"
    BRANCH = "branch"
    BRANCH_TREE = "branch_tree"
    ALL = "all"


READ: dict[str, frozenset[Reach]] = {
    "customer": frozenset({Reach.SELF}),
    "partner": frozenset({Reach.CONSENT}),
    "teller": frozenset({Reach.BRANCH}),
    "manager": frozenset({Reach.OWN, Reach.COVER}),
    "team_lead": frozenset({Reach.TEAM}),
    "branch_head": frozenset({Reach.BRANCH_TREE}),
    "complaint_officer": frozenset({Reach.CASE}),
    "marketing_officer": frozenset({Reach.BRANCH_TREE}),
    "compliance": frozenset({Reach.ALL}),
    "auditor": frozenset({Reach.ALL}),
    "admin": frozenset(),
}

CHANGE: dict[str, frozenset[Reach]] = {
    **READ,
    "partner": frozenset(),
    "manager": frozenset({Reach.OWN}),
    "auditor": frozenset(),
}

CASES: dict[str, frozenset[Reach]] = {"complaint_officer": frozenset({Reach.CASE, Reach.BRANCH_TREE})}
"""Where the thing asked for is a complaint, its officers reach further."""

CONFIGURES = frozenset({"admin"})
"""Roles that reach every organisation unit, though no customer."""

REASONED = frozenset({"auditor"})
"""Roles that read customers of every branch without a duty towards them: each request says why."""

OUTLINED = frozenset({"partner", "marketing_officer", "auditor"})
"""Roles that tell one identifier from another and need no more: its first and last character. Whoever has another role
beside sees the mask; in clear, a reveal alone shows it."""

_SECTIONS = {
    "sections:profile",
    "sections:relationship",
    "sections:marketing",
    "sections:complaints",
    "sections:scores",
}
_STAFF_READ = _SECTIONS | {
    "view:read",
    "customers:read",
    "customers:search",
    "accounts:read",
    "complaints:read",
    "assignments:read",
    "org_units:read",
    "staff:read",
    "interactions:read",
    "tasks:read",
    "products:read",
    "points:read",
    "campaigns:read",
    "scores:read",
    "policies:read",
}
_SEARCHING = {"identifiers:search"}
"""By the last four characters: for those who see them."""
_FRONT_OFFICE = (
    _STAFF_READ
    | _SEARCHING
    | {
        "customers:register",
        "customers:update",
        "accounts:open",
        "accounts:close",
        "points:spend",
        "complaints:receive",
    }
)
_COMPLAINT_HANDLING = {"complaints:accept", "complaints:assign", "complaints:reply", "complaints:close"}
_REVEALING = {"identifiers:reveal"}
_TASKS = {"tasks:change"}
_CAMPAIGNING = {"campaigns:change"}
_GRANTING = {"access_grants:read", "access_grants:change"}
_WALLS = {"ethical_walls:read", "ethical_walls:change"}
_WEBHOOKS = {"webhooks:read", "webhooks:change", "webhooks:end"}

PERMISSIONS: dict[str, frozenset[str]] = {
    "customer": frozenset({"view:read", "me:read", "me:change"} | _SECTIONS),
    "partner": frozenset({"view:read", "sections:profile"} | _WEBHOOKS),
    "teller": frozenset(_FRONT_OFFICE | _REVEALING),
    "manager": frozenset(_FRONT_OFFICE | _REVEALING | _TASKS),
    "team_lead": frozenset(_FRONT_OFFICE | _TASKS),
    "branch_head": frozenset(
        _REVEALING
        | _TASKS
        | _FRONT_OFFICE
        | _COMPLAINT_HANDLING
        | _GRANTING
        | {"assignments:change", "logins:bind", "campaigns:approve"}
    ),
    "complaint_officer": frozenset(_STAFF_READ | _SEARCHING | _COMPLAINT_HANDLING | {"complaints:receive"}),
    "marketing_officer": frozenset(_STAFF_READ | _CAMPAIGNING),
    "compliance": frozenset(
        _STAFF_READ
        | _SEARCHING
        | _REVEALING
        | _GRANTING
        | _WALLS
        | {"audit:read", "webhooks:read", "campaigns:approve"}
    ),
    "auditor": frozenset(_STAFF_READ | {"access_grants:read", "ethical_walls:read", "audit:read"}),
    "admin": frozenset(
        {"org_units:read", "org_units:change", "staff:read", "staff:change", "webhooks:read", "webhooks:end"}
        | {"policies:read", "policies:change", "products:read", "products:change"}
    ),
}


def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(PERMISSIONS.get(role, frozenset()) for role in roles))


def roles_with(permission: str) -> list[str]:
    """The roles that may do something."""
    return sorted(role for role, permissions in PERMISSIONS.items() if permission in permissions)


def reach_of(roles: frozenset[str], *tables: dict[str, frozenset[Reach]]) -> frozenset[Reach]:
    """How far roles reach together; a later table overrides an earlier one, role by role."""
    merged = {role: reach for table in tables for role, reach in table.items()}
    return frozenset().union(*(merged.get(role, frozenset()) for role in roles))
