"""What a property looks like in the documentation, by its name. Nobody real is named."""

from typing import Any

EXAMPLES: dict[str, Any] = {
    "code": "wealth-spring",
    "name": "稳健理财春季活动",
    "message": "稳健理财正在发售。",
    "purpose": "兑换话费",
    "assets_from": "50000.0000",
    "next": "eyJwIjo",
    "cursor": "eyJwIjo",
}
