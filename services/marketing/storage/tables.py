"""The marketing database."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry

from libs.common.tables import AsJson, chassis_tables, new_metadata, time, version, words
from services.marketing.domain.campaign import Campaign, Status
from services.marketing.domain.member import CampaignMember, MemberStatus, Suppression
from services.marketing.domain.points import Entry, Lot, Movement, PointsAccount
from services.marketing.domain.product import Product, ProductStatus
from services.marketing.domain.segment import Segment

metadata = new_metadata()
chassis_tables(metadata)

products = Table(
    "products",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("risk_rating", Text),
    time("launched_at"),
    time("withdrawn_at", nullable=True),
    words("status", ProductStatus),
)

earning_rules = Table(
    "earning_rules",
    metadata,
    Column("code", Text, primary_key=True),
    Column("effective_from", Date, primary_key=True),
    Column("effective_to", Date),
    Column("kind", Text, nullable=False),
    Column("points", Integer, nullable=False),
    Column("months", SmallInteger, nullable=False),
)

points_accounts = Table(
    "points_accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False, unique=True),
    Column("balance", Integer, nullable=False),
    CheckConstraint("balance >= 0", name="not_overdrawn"),
)

points_lots = Table(
    "points_lots",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("points_account_id", Uuid, ForeignKey("points_accounts.id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("source_id", Uuid, nullable=False),
    Column("points", Integer, nullable=False),
    Column("remaining", Integer, nullable=False),
    Column("expires_on", Date, nullable=False),
    UniqueConstraint("source_id", "rule"),
    CheckConstraint("remaining >= 0 AND remaining <= points", name="remaining_of_points"),
)
UNSPENT = points_lots.c.remaining > 0
Index("ix_points_lots_left", points_lots.c.points_account_id, points_lots.c.expires_on, postgresql_where=UNSPENT)
Index("ix_points_lots_expiring", points_lots.c.expires_on, postgresql_where=UNSPENT)

points_entries = Table(
    "points_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("points_account_id", Uuid, ForeignKey("points_accounts.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    words("movement", Movement),
    Column("lot_id", Uuid, ForeignKey("points_lots.id"), nullable=False),
    Column("points", Integer, nullable=False),
    Column("balance", Integer, nullable=False),
    Column("purpose", Text),
    time("at"),
    UniqueConstraint("points_account_id", "sequence", "lot_id"),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("org_unit_id", Uuid, nullable=False, index=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("product_id", Uuid, ForeignKey("products.id")),
    Column("segment", AsJson(Segment), nullable=False),
    Column("message", Text, nullable=False),
    Column("author_id", Uuid, nullable=False),
    Column("approver_id", Uuid),
    time("drafted_at"),
    words("status", Status),
    time("started_at", nullable=True),
    Column("selected_up_to", Uuid),
    Column("queued", Integer, nullable=False),
    Column("suppressed", Integer, nullable=False),
)
Index("ix_campaigns_running", campaigns.c.id, postgresql_where=campaigns.c.status == Status.RUNNING.value)

campaign_members = Table(
    "campaign_members",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id"), nullable=False),
    Column("customer_id", Uuid, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    time("selected_at"),
    words("status", MemberStatus),
    words("reason", Suppression, nullable=True),
    UniqueConstraint("campaign_id", "customer_id"),
)

audience = Table(
    "audience",
    metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("channels", ARRAY(Text), nullable=False, server_default="{}"),
    Column("complaint_ids", ARRAY(Uuid), nullable=False, server_default="{}"),
    Column("kinds", ARRAY(Text), nullable=False, server_default="{}"),
    Column("value_group", Text),
    Column("assets", Numeric(18, 4)),
)
"""What marketing has heard of each customer: the channels they consent to, complaints that are open, what they hold."""

mapping = registry(metadata=metadata)
mapping.map_imperatively(Product, products, version_id_col=products.c.version, version_id_generator=False)
mapping.map_imperatively(Lot, points_lots)
mapping.map_imperatively(Entry, points_entries)
mapping.map_imperatively(
    PointsAccount, points_accounts, version_id_col=points_accounts.c.version, version_id_generator=False
)
mapping.map_imperatively(
    CampaignMember, campaign_members, version_id_col=campaign_members.c.version, version_id_generator=False
)
mapping.map_imperatively(Campaign, campaigns, version_id_col=campaigns.c.version, version_id_generator=False)
