"""Who sees whom, written by hand. This file imports nothing of ours: it is what the code is held against.

The caller works in branch B1 of the bank R, which has a sub-branch S below it; B2 is another branch.
"""

STAFF = {
    "teller", "manager", "team_lead", "branch_head", "complaint_officer", "marketing_officer", "compliance", "auditor",
}  # fmt: skip
ROLES = STAFF | {"admin", "customer", "partner"}

CUSTOMERS = {
    "own": "home B1; the caller is their main manager",
    "team": "home B1; a colleague of the caller's unit is their main manager",
    "branch": "home B1; nobody looks after them",
    "sub": "home S; a manager of S looks after them",
    "outside": "home B2; a manager of B2 looks after them",
    "moved": "home B2 by now; the caller is still their main manager",
    "covered": "home B2; the caller covers for their manager",
    "granted": "home B2; the caller has an access grant",
    "walled": "home B1; the caller is their main manager and has a grant, and a wall stands between them",
    "consented": "home B2; consents to the calling partner",
    "mine": "home B2; signs in as the calling customer",
    "case": "home B2; the caller handles their complaint",
}

EVERYBODY = set(CUSTOMERS) - {"walled"}

READ = {
    "teller": {"own", "team", "branch", "granted"},
    "manager": {"own", "moved", "covered", "granted"},
    "team_lead": {"own", "team", "moved", "granted"},
    "branch_head": {"own", "team", "branch", "sub", "granted"},
    "complaint_officer": {"case", "granted"},
    "marketing_officer": {"own", "team", "branch", "sub", "granted"},
    "compliance": EVERYBODY,
    "auditor": EVERYBODY,
    "admin": {"granted"},
    "customer": {"mine"},
    "partner": {"consented"},
}
CHANGE = {**READ, "manager": {"own", "moved", "granted"}, "auditor": {"granted"}, "partner": set()}
BY_ROLE = {"branch_head": {"own", "team", "branch", "sub"}, "compliance": EVERYBODY}
"""Whoever was let in by a grant lets nobody else in."""
CASES = {"complaint_officer": {"own", "team", "branch", "sub", "case", "granted"}}
"""How far complaint officers reach where the thing asked for is a complaint."""

UNITS = {"R", "B1", "S", "B2", "nowhere"}
"""`nowhere` stands for somebody who works in no unit."""
UNITS_SEEN = {
    **{role: {"B1"} for role in ("teller", "manager", "team_lead", "complaint_officer")},
    **{role: {"B1", "S"} for role in ("branch_head", "marketing_officer")},
    **dict.fromkeys(("compliance", "auditor", "admin"), UNITS),
}

PARTNERS = {"matrix-partner", "another"}
PARTNERS_SEEN: dict[str, set[str]] = {
    "partner": {"matrix-partner"},
    **dict.fromkeys(("compliance", "admin"), PARTNERS),
    "teller": set(),
    "branch_head": set(),
}
"""Whose webhooks a role gets to."""

MASKED, OUTLINED = "M12**34", "M*****4"
SHOWN_AS = {**dict.fromkeys(ROLES, MASKED), **dict.fromkeys(("partner", "marketing_officer", "auditor"), OUTLINED)}
"""An identifier as each role sees it."""

FRONT = {"teller", "manager", "team_lead", "branch_head"}
TASKED = {"manager", "team_lead", "branch_head"}
HANDLERS = {"branch_head", "complaint_officer"}
REVEALERS = {"teller", "manager", "branch_head", "compliance"}
GRANTERS = {"branch_head", "compliance"}
WATCHERS = {"partner", "compliance", "admin"}

PATHS = {
    "customer GET /api/v1/customers": ("read", STAFF),
    "customer GET /api/v1/customers?name": ("read", STAFF),
    "customer POST /api/v1/customers/find-by-document": ("read", STAFF),
    "customer POST /api/v1/customers/find-by-last-four": ("read", STAFF - {"marketing_officer", "auditor"}),
    "customer GET /api/v1/customers/{customer_id}": ("read", STAFF),
    "customer POST /api/v1/customers": ("change", FRONT),
    "customer POST /api/v1/customers/batches": ("change", FRONT),
    "customer POST /api/v1/customers/{customer_id}/documents": ("change", FRONT),
    "customer POST /api/v1/customers/{customer_id}/contact-points": ("change", FRONT),
    "customer DELETE /api/v1/customers/{customer_id}/contact-points/{contact_point_id}": ("change", FRONT),
    "customer PUT /api/v1/customers/{customer_id}/home": ("change", FRONT),
    "customer POST /api/v1/customers/{customer_id}/logins": ("change", {"branch_head"}),
    "customer POST /api/v1/customers/{customer_id}/logins/unbind": ("change", {"branch_head"}),
    "customer GET /api/v1/accounts": ("read", STAFF),
    "customer GET /api/v1/accounts/{account_id}": ("read", STAFF),
    "customer POST /api/v1/accounts": ("change", FRONT),
    "customer POST /api/v1/accounts/{account_id}/close": ("change", FRONT),
    "customer GET /api/v1/interactions": ("read", STAFF),
    "customer GET /api/v1/customer-relations": ("read", STAFF),
    "customer GET /api/v1/customer-relations/{relation_id}": ("read", STAFF),
    "customer POST /api/v1/customer-relations": ("change", FRONT),
    "customer POST /api/v1/customer-relations/{relation_id}/end": ("change", FRONT),
    "customer POST /api/v1/me/contact-points": ("change", {"customer"}),
    "customer DELETE /api/v1/me/contact-points/{contact_point_id}": ("change", {"customer"}),
    "customer GET /api/v1/me/consents": ("read", {"customer"}),
    "customer POST /api/v1/me/consents": ("change", {"customer"}),
    "customer POST /api/v1/me/consents/{consent_id}/withdraw": ("change", {"customer"}),
    "customer POST /api/v1/reveals": ("change", REVEALERS),
    "customer GET /api/v1/reveals/{reveal_id}": ("nobody", REVEALERS),
    "customer GET /internal/v1/sections/{customer_id}": ("read", STAFF | {"customer", "partner"}),
    "manager GET /api/v1/org-units": ("units", STAFF | {"admin"}),
    "manager GET /api/v1/org-units/{unit_id}": ("units", STAFF | {"admin"}),
    "manager GET /api/v1/staff": ("units", STAFF | {"admin"}),
    "manager GET /api/v1/staff/{staff_id}": ("units", STAFF | {"admin"}),
    "manager PUT /api/v1/staff/{staff_id}/roles": ("units", {"admin"}),
    "manager PUT /api/v1/staff/{staff_id}/units": ("units", {"admin"}),
    "manager POST /api/v1/staff/{staff_id}/leave": ("units", {"admin"}),
    "manager POST /api/v1/staff/{staff_id}/logins": ("units", {"admin"}),
    "manager POST /api/v1/staff/{staff_id}/logins/unbind": ("units", {"admin"}),
    "manager GET /api/v1/assignments": ("read", STAFF),
    "manager POST /api/v1/assignments": ("change", {"branch_head"}),
    "manager GET /api/v1/tasks": ("read", STAFF),
    "manager GET /api/v1/tasks/{task_id}": ("read", STAFF),
    "manager POST /api/v1/tasks": ("change", TASKED),
    "manager POST /api/v1/tasks/{task_id}/complete": ("change", TASKED),
    "manager POST /api/v1/tasks/{task_id}/cancel": ("change", TASKED),
    "manager GET /api/v1/access-grants": ("read", GRANTERS | {"auditor"}),
    "manager GET /api/v1/access-grants/{grant_id}": ("read", GRANTERS | {"auditor"}),
    "manager POST /api/v1/access-grants": ("by_role", GRANTERS),
    "manager POST /api/v1/access-grants/{grant_id}/end": ("change", GRANTERS),
    "manager GET /api/v1/ethical-walls": ("read", {"compliance", "auditor"}),
    "manager GET /api/v1/ethical-walls/{wall_id}": ("read", {"compliance", "auditor"}),
    "manager POST /api/v1/ethical-walls": ("by_role", {"compliance"}),
    "manager POST /api/v1/ethical-walls/{wall_id}/lift": ("change", {"compliance"}),
    "manager GET /internal/v1/sections/{customer_id}": ("read", STAFF | {"customer"}),
    "complaints GET /api/v1/complaints": ("read", STAFF),
    "complaints GET /api/v1/complaints/{complaint_id}": ("read", STAFF),
    "complaints POST /api/v1/complaints": ("change", FRONT | {"complaint_officer"}),
    "complaints POST /api/v1/complaints/{complaint_id}/accept": ("change", HANDLERS),
    "complaints POST /api/v1/complaints/{complaint_id}/assign": ("change", HANDLERS),
    "complaints POST /api/v1/complaints/{complaint_id}/reply": ("change", HANDLERS),
    "complaints POST /api/v1/complaints/{complaint_id}/close": ("change", HANDLERS),
    "complaints POST /api/v1/me/complaints": ("change", {"customer"}),
    "complaints GET /internal/v1/sections/{customer_id}": ("read", STAFF | {"customer"}),
    "marketing GET /api/v1/points-accounts": ("read", STAFF),
    "marketing GET /api/v1/points-accounts/{account_id}": ("read", STAFF),
    "marketing GET /api/v1/points-accounts/{account_id}/entries": ("read", STAFF),
    "marketing POST /api/v1/points-accounts/{account_id}/spend": ("change", FRONT),
    "marketing GET /api/v1/campaign-members": ("read", STAFF),
    "marketing GET /api/v1/campaign-members/{member_id}": ("read", STAFF),
    "marketing GET /api/v1/campaigns": ("units", STAFF),
    "marketing GET /api/v1/campaigns/{campaign_id}": ("units", STAFF),
    "marketing POST /api/v1/campaigns/{campaign_id}/submit": ("units", {"marketing_officer"}),
    "marketing POST /api/v1/campaigns/{campaign_id}/approve": ("units", {"branch_head", "compliance"}),
    "marketing POST /api/v1/campaigns/{campaign_id}/reject": ("units", {"branch_head", "compliance"}),
    "marketing POST /api/v1/campaigns/{campaign_id}/start": ("units", {"marketing_officer"}),
    "marketing POST /api/v1/campaigns/{campaign_id}/cancel": ("units", {"marketing_officer"}),
    "marketing GET /api/v1/me/points": ("read", {"customer"}),
    "marketing POST /api/v1/me/points/spend": ("change", {"customer"}),
    "marketing GET /internal/v1/sections/{customer_id}": ("read", STAFF | {"customer"}),
    "scoring GET /api/v1/scores": ("read", STAFF),
    "scoring GET /api/v1/scores/{score_id}": ("read", STAFF),
    "scoring GET /internal/v1/sections/{customer_id}": ("read", STAFF | {"customer"}),
    "gateway GET /api/v1/customers/{customer_id}/360": ("read", STAFF | {"customer", "partner"}),
    "gateway POST /api/v1/customers/360:batch": ("read", STAFF | {"customer", "partner"}),
    "gateway GET /api/v1/changes": ("read", STAFF | {"customer", "partner"}),
    "gateway GET /api/v1/webhooks": ("partners", WATCHERS),
    "gateway GET /api/v1/webhooks/{webhook_id}": ("partners", WATCHERS),
    "gateway PUT /api/v1/webhooks/{webhook_id}": ("partners", {"partner"}),
    "gateway POST /api/v1/webhooks/{webhook_id}/pause": ("partners", {"partner"}),
    "gateway POST /api/v1/webhooks/{webhook_id}/resume": ("partners", {"partner"}),
    "gateway POST /api/v1/webhooks/{webhook_id}/end": ("partners", {"partner", "admin"}),
    "gateway GET /api/v1/webhooks/{webhook_id}/secrets": ("partners", {"partner"}),
    "gateway POST /api/v1/webhooks/{webhook_id}/secrets": ("partners", {"partner"}),
    "gateway POST /api/v1/webhooks/{webhook_id}/ping": ("partners", {"partner"}),
    "gateway GET /api/v1/webhooks/{webhook_id}/deliveries": ("read", WATCHERS),
    "gateway GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}": ("read", WATCHERS),
    "gateway POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": ("read", {"partner"}),
    "gateway GET /api/v1/me/view": ("read", {"customer"}),
    "gateway GET /api/v1/me/accounts": ("read", {"customer"}),
    "gateway GET /api/v1/me/contact-points": ("read", {"customer"}),
    "gateway GET /api/v1/me/complaints": ("read", {"customer"}),
    "gateway GET /api/v1/me/managers": ("read", {"customer"}),
}
"""Every mounted path that concerns customers or units: what it does, and for whom it is there at all."""

OF_NOBODY: dict[str, set[str] | None] = {
    "manager POST /api/v1/org-units": {"admin"},
    "manager POST /api/v1/staff": {"admin"},
    "gateway GET /api/v1/audit/entries": {"auditor", "compliance"},
    "gateway GET /api/v1/audit/alerts": {"auditor", "compliance"},
    "marketing POST /api/v1/campaigns": {"marketing_officer"},
    "marketing POST /api/v1/products": {"admin"},
    "marketing GET /api/v1/products": STAFF | {"admin"},
    "marketing GET /api/v1/products/{product_id}": STAFF | {"admin"},
    "marketing POST /api/v1/products/{product_id}/withdraw": {"admin"},
    "scoring POST /api/v1/contribution-policies": {"admin"},
    "scoring GET /api/v1/contribution-policies": STAFF | {"admin"},
    "scoring GET /api/v1/contribution-policies/{policy_id}": STAFF | {"admin"},
    "gateway POST /api/v1/webhooks": {"partner"},
    "gateway GET /docs": None,
    "gateway GET /docs/events": None,
    "gateway GET /asyncapi.json": None,
    "gateway GET /docs/{name}": None,
    "gateway GET /openapi.json": None,
    **{
        f"gateway {method} /api/v1/{{path:path}}": None
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
    },
}
"""What concerns no customer, or all: by whom it is asked at all. None is for everybody: documentation, and what is
passed on, where the service behind it says who may."""


def expected(path: str, role: str) -> set[str] | None:
    """The names that a role gets to by a path; None where the path is not for that role."""
    kind, roles = PATHS[path]
    if role not in roles:
        return None
    if kind == "nobody":  # what a colleague did stays theirs
        return set()
    if kind == "by_role":
        return BY_ROLE[role]
    if kind == "partners":
        return PARTNERS_SEEN[role]
    if kind == "units":
        return UNITS_SEEN[role]
    table = READ if kind == "read" else CHANGE
    return {**table, **CASES}[role] if path.startswith("complaints ") else table[role]
