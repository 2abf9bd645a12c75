"""What a property looks like in the documentation, by its name. Nobody real is named."""

from typing import Any

EXAMPLES: dict[str, Any] = {
    "name": "李娜",
    "code": "0001",
    "number": "S-0001",
    "role": "teller",
    "issuer": "https://login.bank.example",
    "subject": "li.na",
    "kind": "call_back",
    "note": "请在下午致电。",
    "outcome": "已致电并道歉。",
    "reason": "takes over the branch",
    "end_reason": "moved on",
    "lift_reason": "no conflict any more",
    "path": "/01980b4e-7c1a-7d7e-9a55-3f2b6c1d8e90/",
    "next": "eyJwIjo",
    "cursor": "eyJwIjo",
}
