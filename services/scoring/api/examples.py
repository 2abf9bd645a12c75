"""What a property looks like in the documentation, by its name. Nobody real is named."""

from typing import Any

EXAMPLES: dict[str, Any] = {
    "currency": "CNY",
    "kind": "savings",
    "rfm_name": "loyal",
    "ftp_deposits": "0.02",
    "ftp_loans": "0.03",
    "cost_per_account": "60.00",
    "cost_per_branch_contact": "15.00",
    "pd": {"0": "0.005", "1-30": "0.03", "31-90": "0.15", "90+": "1"},
    "lgd": "0.45",
    "tax": "0.25",
    "capital": "0.105",
    "hurdle": "0.10",
    "valuable_from": "1000.00",
    "high_from": "10000.00",
    "contribution": "1024.50",
    "amount": "1024.50",
    "assets": "86000.0000",
    "fees": "120.0000",
    "next": "eyJwIjo",
    "cursor": "eyJwIjo",
}
