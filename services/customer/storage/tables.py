"""The customer database. Identifiers stand in it encrypted, indexed blind and masked; never in clear."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import composite, relationship

from libs.common.reencryption import SealedColumn
from libs.common.sealing import Sealed
from libs.common.tables import time, version, words
from services.customer.domain.account import ACCOUNT, Account, AccountHolder, Origin
from services.customer.domain.consent import Consent, Purpose
from services.customer.domain.customer import ContactKind, ContactPoint, Customer, IdentityDocument, Kind, Status
from services.customer.domain.identity_documents import DocumentType
from services.customer.domain.reveal import IdentifierKind, Reveal
from services.customer.storage import flow_tables, history_tables, schema
from services.customer.storage.schema import MONEY, mapping, sealed

PARTS = (flow_tables, history_tables)
"""The other tables: who asks here for the metadata has all of them."""
metadata = schema.metadata

customers = Table(
    "customers",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    words("kind", Kind),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("name_grams", ARRAY(Text), nullable=False),
    words("status", Status),
    Column("home_unit_id", Uuid),
    Column("birth_date", Date),
    Column("gender", String(1)),
    Column("grade", Text),
    Column("months_below", SmallInteger, nullable=False, server_default="0"),
    Column("logins", ARRAY(Text), nullable=False),
    time("registered_at"),
    Index("ix_customers_name_grams", "name_grams", postgresql_using="gin"),
    Index("ix_customers_home_unit_id", "home_unit_id"),
)

identity_documents = Table(
    "identity_documents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
    words("type", DocumentType),
    *sealed("identity_documents", "number"),
    Column("valid_from", Date),
    Column("valid_to", Date),
    UniqueConstraint("type", "number_index"),
)

contact_points = Table(
    "contact_points",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
    words("kind", ContactKind),
    *sealed("contact_points", "value"),
    Index("ix_contact_points_value_index", "value_index"),
)

source_references = Table(
    "source_references",
    metadata,
    Column("source", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
)

customer_batches = Table(
    "customer_batches",
    metadata,
    Column("batch_id", Uuid, primary_key=True),
    Column("place", SmallInteger, primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    words("origin", Origin),
    Column("source", Text, nullable=False),
    *sealed("accounts", "number", nullable=True),
    Column("kind", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("unit_code", Text),
    Column("opened_on", Date),
    Column("closed_on", Date),
    Column("status", Text, nullable=False),
    Column("limit", MONEY),
    Column("rate", Numeric(12, 8)),
    Column("maturity_on", Date),
    Column("balance", MONEY),
    Column("overdue_days", Integer),
    Column("sequence", BigInteger, nullable=False),
    time("as_of"),
    Column("main_holder_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
    UniqueConstraint("source", "number_index"),
)

account_holders = Table(
    "account_holders",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
    words("purpose", Purpose),
    Column("party", Text, nullable=False),
    Column("channel", Text),
    Column("text_version", Text, nullable=False),
    time("granted_at"),
    time("withdrawn_at", nullable=True),
)
Index(
    "uq_consents_standing",
    consents.c.customer_id,
    consents.c.purpose,
    consents.c.party,
    consents.c.channel,
    unique=True,
    postgresql_where=consents.c.withdrawn_at.is_(None),
    postgresql_nulls_not_distinct=True,
)

reveals = Table(
    "reveals",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
    Column("staff_id", Uuid, nullable=False),
    words("kind", IdentifierKind),
    Column("thing_id", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    time("revealed_at"),
    time("expires_at"),
)

BY_LAST = frozenset({*DocumentType, ContactKind.PHONE, ACCOUNT})
"""Kinds of identifiers that customers are found by the last four characters of."""
SEALED = tuple(
    SealedColumn(f"{table}.{column}", f"{column}_sealed", kind, by_last)
    for table, column, kind, by_last in (
        ("identity_documents", "number", "type", BY_LAST),
        ("contact_points", "value", "kind", BY_LAST),
        ("accounts", "number", f"'{ACCOUNT}'", BY_LAST),
        ("transactions", "account_number", f"'{ACCOUNT}'", frozenset[str]()),
    )
)
"""Every column of encrypted values, for the job that brings them under new keys."""

mapping.map_imperatively(Reveal, reveals, version_id_col=reveals.c.version, version_id_generator=False)
mapping.map_imperatively(
    IdentityDocument,
    identity_documents,
    properties={
        "number": composite(
            Sealed,
            identity_documents.c.number_sealed,
            identity_documents.c.number_index,
            identity_documents.c.number_masked,
            identity_documents.c.number_last_index,
        )
    },
)
mapping.map_imperatively(
    ContactPoint,
    contact_points,
    properties={
        "value": composite(
            Sealed,
            contact_points.c.value_sealed,
            contact_points.c.value_index,
            contact_points.c.value_masked,
            contact_points.c.value_last_index,
        )
    },
)
mapping.map_imperatively(
    Customer,
    customers,
    version_id_col=customers.c.version,
    version_id_generator=False,
    properties={
        "documents": relationship(IdentityDocument, lazy="raise", cascade="all, delete-orphan"),
        "contact_points": relationship(ContactPoint, lazy="raise", cascade="all, delete-orphan"),
    },
)
mapping.map_imperatively(Consent, consents, version_id_col=consents.c.version, version_id_generator=False)
mapping.map_imperatively(AccountHolder, account_holders)
mapping.map_imperatively(
    Account,
    accounts,
    version_id_col=accounts.c.version,
    version_id_generator=False,
    properties={
        "number": composite(
            Sealed,
            accounts.c.number_sealed,
            accounts.c.number_index,
            accounts.c.number_masked,
            accounts.c.number_last_index,
        ),
        "holders": relationship(AccountHolder, lazy="raise", cascade="all, delete-orphan"),
    },
)
