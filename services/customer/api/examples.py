"""What a property looks like in the documentation, by its name. Nobody real is named."""

from typing import Any

EXAMPLES: dict[str, Any] = {
    "name": "张伟",
    "gender": "1",
    "number": "110101199001011237",
    "value": "+8613800138000",
    "last_four": "8000",
    "source": "core",
    "source_id": "C0001",
    "issuer": "https://login.bank.example",
    "subject": "zhang.wei",
    "party": "wealth-app",
    "text_version": "2026-01",
    "grade": "gold",
    "service": "complaints",
    "type": "crm.complaint.received.v1",
    "facts": {"channel": "phone", "cause": "service"},
    "product": "SAVINGS",
    "currency": "CNY",
    "balance": "1000.00",
    "limit": "5000.00",
    "next": "eyJwIjo",
    "cursor": "eyJwIjo",
}
