"""What the core books on accounts, what it adds up to each day, and when that is told."""

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, Uuid, text

from libs.common.tables import time, version
from services.customer.storage.schema import MONEY, metadata, sealed

transactions = Table(
    "transactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("transaction_ref", Text, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id")),
    *sealed("transactions", "account_number", nullable=True),
    Column("direction", Text, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    time("booked_at"),
    Column("channel", Text),
    Column("category", Text),
    Column("counterparty_bank", Text),
    Column("initiated_by", Text, nullable=False),
    Column("reverses", Text),
    UniqueConstraint("source", "transaction_ref"),
    Index("ix_transactions_account_id", "account_id", "booked_at"),
)
Index(
    "ix_transactions_waiting",
    transactions.c.source,
    transactions.c.account_number_index,
    postgresql_where=transactions.c.account_id.is_(None),
)
Index(
    "ix_transactions_costs",
    transactions.c.account_id,
    transactions.c.booked_at,
    postgresql_where=text("channel = 'branch' OR category = 'fee'"),
)
Index(
    "ix_transactions_sealed",
    transactions.c.id,
    postgresql_where=transactions.c.account_number_sealed.is_not(None),
)

daily_flows = Table(
    "daily_flows",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("currency", String(3), primary_key=True),
    *[Column(name, MONEY, nullable=False) for name in ("inflow", "outflow")],
    *[Column(name, Integer, nullable=False) for name in ("bookings", "initiated")],
)
_d = daily_flows.c
Index("ix_daily_flows_initiated", _d.account_id, _d.day, postgresql_where=_d.initiated > 0)

daily_balances = Table(
    "daily_balances",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("balance", MONEY, nullable=False),
)

holdings = Table(
    "holdings",
    metadata,
    Column("customer_id", Uuid, ForeignKey("customers.id"), primary_key=True),
    Column("id", Uuid, nullable=False),
    version(),
    time("due_at", nullable=True),
    Column("told_on", Date),
    Column("flows_until", Date, index=True),
    time("grade_due_at", nullable=True),
    Index("ix_holdings_due_at", "due_at"),
    Index("ix_holdings_grade_due_at", "grade_due_at"),
)
