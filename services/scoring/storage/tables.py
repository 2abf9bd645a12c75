"""The scoring database."""

from decimal import Decimal

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Numeric, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry

from libs.common.tables import AsJson, chassis_tables, new_metadata, time, version, words
from services.scoring.domain.contribution import Reason, ValueGroup
from services.scoring.domain.holding import Holding, OverdueBucket
from services.scoring.domain.policy import ContributionPolicy
from services.scoring.domain.score import Score

metadata = new_metadata()
chassis_tables(metadata)


def money(name: str, *, scale: int = 4) -> Column[Decimal]:
    return Column(name, Numeric(18, scale), nullable=False)


def rate(name: str) -> Column[Decimal]:
    return Column(name, Numeric(9, 6), nullable=False)


contribution_policies = Table(
    "contribution_policies",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("effective_from", Date, nullable=False, unique=True),
    Column("currency", Text, nullable=False),
    rate("ftp_deposits"),
    rate("ftp_loans"),
    money("cost_per_account"),
    Column("cost_per_branch_contact", Numeric(18, 4), nullable=False, server_default="15"),
    Column("pd", AsJson(dict[OverdueBucket, Decimal]), nullable=False),
    rate("lgd"),
    rate("tax"),
    rate("capital"),
    rate("hurdle"),
    money("valuable_from"),
    money("high_from"),
)

scores = Table(
    "scores",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False, unique=True),
    Column("as_of", Date, nullable=False),
    Column("policy_id", Uuid, ForeignKey("contribution_policies.id"), nullable=False),
    Column("currency", Text, nullable=False),
    money("contribution", scale=2),
    words("value_group", ValueGroup),
    Column("reasons", AsJson(list[Reason]), nullable=False),
    Column("holdings", AsJson(list[Holding]), nullable=False),
    money("assets"),
    Column("initiated", Integer, nullable=False),
    Column("last_initiated_on", Date),
    Column("branch_contacts", Integer, nullable=False, server_default="0"),
    Column("fees", Numeric(18, 4), nullable=False, server_default="0"),
    Column("recency", SmallInteger),
    Column("frequency", SmallInteger),
    Column("monetary", SmallInteger),
    Column("rfm_name", Text),
    Index("ix_scores_policy_id", "policy_id"),
    Index("ix_scores_value_group", "value_group"),
)
Index("ix_scores_awake", scores.c.last_initiated_on, postgresql_where=scores.c.value_group != ValueGroup.SLEEPING.value)

rankings = Table(
    "rankings",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    time("ranked_at"),
    Column("customers", Integer, nullable=False),
    Column("recency", ARRAY(Date), nullable=False),
    Column("frequency", ARRAY(Integer), nullable=False),
    Column("monetary", ARRAY(Numeric(18, 4)), nullable=False),
    Column("placed_up_to", Uuid),
)
"""One row: the bounds of the fifths, when they were drawn, through how many customers, and how far they were held
against everybody; null at the end."""

mapping = registry(metadata=metadata)
mapping.map_imperatively(
    ContributionPolicy,
    contribution_policies,
    version_id_col=contribution_policies.c.version,
    version_id_generator=False,
)
mapping.map_imperatively(Score, scores, version_id_col=scores.c.version, version_id_generator=False)
