"""What every list does alike: filters that were given, newest first, a page behind the last row seen."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select

from libs.common.database import UnitOfWork

SelectT = TypeVar("SelectT", bound=Select[Any])


def matching(wanted: SelectT, *filters: tuple[ColumnElement[Any], Any]) -> SelectT:
    """Where each column equals its value; a filter that was not given is None and filters nothing."""
    given = [column == value for column, value in filters if value is not None]
    return wanted.where(*given) if given else wanted


async def newest(
    uow: UnitOfWork, wanted: Select[Any], key: ColumnElement[UUID], *, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Rows by descending UUIDv7, which is by age; behind `after` where one was seen last."""
    if after is not None:
        wanted = wanted.where(key < after)
    rows: Sequence[Any] = (await uow.session.execute(wanted.order_by(key.desc()).limit(limit))).all()
    return rows
