"""Scores and policies as aggregates, within the unit of work's scope."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.driver import ASKED, ByScope
from services.scoring.domain.contribution import ValueGroup
from services.scoring.domain.policy import ContributionPolicy
from services.scoring.domain.score import Score
from services.scoring.storage.tables import contribution_policies, scores

_SCORE = ByScope(lambda scope: select(Score).where(scores.c.id == ASKED, scope.customers(scores.c.customer_id)))


class ScoreRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, score: Score) -> None:
        self._uow.session.add(score)

    async def get(self, score_id: UUID) -> Score:
        found = await self._uow.session.execute(_SCORE.of(self._uow.scope), {"asked": score_id})
        score = found.scalar_one_or_none()
        if score is None:
            raise NotFound.thing("score")
        return score

    async def of_customer(self, customer_id: UUID) -> Score | None:
        """Locked; none before anything was heard of what they hold."""
        within = self._uow.scope.customers(scores.c.customer_id)
        wanted = select(Score).where(scores.c.customer_id == customer_id, within).with_for_update()
        score: Score | None = (await self._uow.session.execute(wanted)).scalar_one_or_none()
        return score

    async def outdated(self, policy: ContributionPolicy, *, asleep_since: date, limit: int) -> Sequence[Score]:
        """Reckoned by another policy, or awake who began nothing since; locked so that no other sweeper takes them."""
        s = scores.c
        rests = (s.value_group != ValueGroup.SLEEPING.value) & (s.last_initiated_on <= asleep_since)
        by_another = (s.policy_id < policy.id) | (s.policy_id > policy.id)  # an index finds these, and no `<>`
        wanted = select(Score).where(by_another | rests, self._uow.scope.customers(s.customer_id)).limit(limit)
        return (await self._uow.session.execute(wanted.with_for_update(skip_locked=True))).scalars().all()


class PolicyRepository:
    """The bank's own, alike for every customer."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, policy: ContributionPolicy) -> None:
        self._uow.session.add(policy)

    async def get(self, policy_id: UUID) -> ContributionPolicy:
        policy = await self._uow.session.get(ContributionPolicy, policy_id)
        if policy is None:
            raise NotFound.thing("policy")
        return policy

    async def in_force(self, day: date) -> ContributionPolicy:
        """The one that began last, by that day. The first stands in the database from its beginning."""
        begins = contribution_policies.c.effective_from
        wanted = select(ContributionPolicy).where(begins <= day).order_by(begins.desc()).limit(1)
        return (await self._uow.session.execute(wanted)).scalar_one()
