"""Pages of a list: keyset, newest first, bound by a signed cursor to the caller and the filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, Protocol, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from libs.common.access import chassis
from libs.common.authentication import Principal
from libs.common.cursor import decode_cursor, encode_cursor
from libs.common.keyring import KeyRing

T = TypeVar("T")


class Identified(Protocol):
    id: UUID


class Page(BaseModel, Generic[T]):
    """`next` is the cursor of the following page, null on the last. There is no total: counting costs more."""

    items: list[T]
    next: str | None


@dataclass(frozen=True)
class Paging:
    limit: int
    after: UUID | None
    _ring: KeyRing
    _bound: tuple[str, dict[str, str], str, datetime]

    def next(self, rows: Sequence[Identified]) -> str | None:
        """The cursor behind these rows; ask for `limit` rows: fewer means that this was the last page."""
        if len(rows) < self.limit:
            return None
        route, filters, principal, now = self._bound
        position = [str(rows[-1].id)]
        return encode_cursor(self._ring, route=route, filters=filters, principal=principal, position=position, now=now)


async def _paging(
    request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: Annotated[str | None, Query()] = None
) -> Paging:
    shared = chassis(request)
    filters = {name: value for name, value in request.query_params.items() if name not in ("cursor", "limit")}
    principal = cast("Principal", request.state.principal).login
    bound = (request.scope["route"].path, filters, principal, shared.clock.now())
    after = None
    if cursor is not None:
        route, _, _, now = bound
        position = decode_cursor(shared.keyring, cursor, route=route, filters=filters, principal=principal, now=now)
        after = UUID(str(position[0]))
    return Paging(limit, after, shared.keyring, bound)


CurrentPage = Annotated[Paging, Depends(_paging)]
