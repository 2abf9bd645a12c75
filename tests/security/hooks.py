"""What a form cannot say: a consistency token is what a command answered, a reason holds no number of five digits."""

from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    if case.headers is not None:
        case.headers.pop("Guanxi-Consistency", None)
        if "Guanxi-Reason" in case.headers:
            case.headers["Guanxi-Reason"] = "annual audit"
