"""`/api/v1/scores`."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.access import Query, requires
from libs.common.pages import CurrentPage, Page
from services.scoring.api.schemas import ScoreView
from services.scoring.domain.contribution import ValueGroup
from services.scoring.storage.queries import list_scores
from services.scoring.storage.repository import ScoreRepository

router = APIRouter(prefix="/api/v1/scores", tags=["scores"])


@router.get("", dependencies=[requires("scores:read")])
async def find(
    uow: Query, page: CurrentPage, customer_id: UUID | None = None, value_group: ValueGroup | None = None
) -> Page[ScoreView]:
    rows = await list_scores(uow, customer_id=customer_id, value_group=value_group, after=page.after, limit=page.limit)
    return page.of(uow, [ScoreView.of(row) for row in rows])


@router.get("/{score_id}", dependencies=[requires("scores:read")])
async def read(score_id: UUID, uow: Query) -> ScoreView:
    """What a customer contributes, and why."""
    return uow.answer(ScoreView.of(await ScoreRepository(uow).get(score_id)))
