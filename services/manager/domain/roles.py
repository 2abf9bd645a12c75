"""The roles that staff may hold. What each may do stands in libs/directory/permissions.py."""

ROLES = frozenset(
    {
        "teller",
        "manager",
        "team_lead",
        "branch_head",
        "complaint_officer",
        "marketing_officer",
        "compliance",
        "auditor",
        "admin",
    }
)

LOOKS_AFTER = "manager"
"""The role to which customers are assigned."""
