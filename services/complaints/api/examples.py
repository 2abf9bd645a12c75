"""What a property looks like in the documentation, by its name. Nobody real is named."""

from typing import Any

EXAMPLES: dict[str, Any] = {
    "regime": "nfra",
    "business": "deposit",
    "cause": "service",
    "facts": "等候超过两小时。",
    "decision": "已致歉并说明原因。",
    "root_cause": "窗口不足",
    "responsibility": "branch",
    "remedy": "增设窗口",
    "number": "TS20260305000001",
    "next": "eyJwIjo",
    "cursor": "eyJwIjo",
}
