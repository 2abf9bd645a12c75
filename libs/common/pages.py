"""Pages of a list: keyset, newest first, bound by a signed cursor to the caller and the filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from libs.common.access import chassis
from libs.common.authentication import Principal
from libs.common.cursor import decode_cursor, encode_cursor
from libs.common.database import UnitOfWork
from libs.common.keyring import KeyRing
from libs.common.schemas import View

T = TypeVar("T")
ViewT = TypeVar("ViewT", bound=View)


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

    def of(self, uow: UnitOfWork, views: list[ViewT]) -> Page[ViewT]:
        """A page of the views of `limit` rows: fewer mean that it is the last."""
        uow.show(views)
        shown = [uow.as_seen(view) for view in views]
        return Page(items=shown, next=self._next(views) if len(views) == self.limit else None)

    def _next(self, views: Sequence[View]) -> str:
        route, filters, principal, now = self._bound
        position = [str(views[-1].id)]
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
