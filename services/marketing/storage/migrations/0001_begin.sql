CREATE TABLE products (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    risk_rating TEXT,
    launched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    status VARCHAR(40) NOT NULL,
    CONSTRAINT pk_products PRIMARY KEY (id),
    CONSTRAINT uq_products_code UNIQUE (code)
);

CREATE TABLE earning_rules (
    code TEXT NOT NULL,
    effective_from DATE NOT NULL,
    effective_to DATE,
    kind TEXT NOT NULL,
    points INTEGER NOT NULL,
    months SMALLINT NOT NULL,
    CONSTRAINT pk_earning_rules PRIMARY KEY (code, effective_from)
);

CREATE TABLE points_accounts (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    balance INTEGER NOT NULL,
    CONSTRAINT pk_points_accounts PRIMARY KEY (id),
    CONSTRAINT ck_points_accounts_not_overdrawn CHECK (balance >= 0),
    CONSTRAINT uq_points_accounts_customer_id UNIQUE (customer_id)
);

CREATE TABLE points_lots (
    id UUID NOT NULL,
    points_account_id UUID NOT NULL,
    rule TEXT NOT NULL,
    source_id UUID NOT NULL,
    points INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    expires_on DATE NOT NULL,
    CONSTRAINT pk_points_lots PRIMARY KEY (id),
    CONSTRAINT uq_points_lots_source_id_rule UNIQUE (source_id, rule),
    CONSTRAINT ck_points_lots_remaining_of_points CHECK (remaining >= 0 AND remaining <= points),
    CONSTRAINT fk_points_lots_points_account_id FOREIGN KEY(points_account_id) REFERENCES points_accounts (id)
);

CREATE INDEX ix_points_lots_expiring ON points_lots (expires_on) WHERE remaining > 0;

CREATE INDEX ix_points_lots_left ON points_lots (points_account_id, expires_on) WHERE remaining > 0;

CREATE TABLE points_entries (
    id UUID NOT NULL,
    points_account_id UUID NOT NULL,
    sequence INTEGER NOT NULL,
    movement VARCHAR(40) NOT NULL,
    lot_id UUID NOT NULL,
    points INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    purpose TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_points_entries PRIMARY KEY (id),
    CONSTRAINT uq_points_entries_points_account_id_sequence_lot_id UNIQUE (points_account_id, sequence, lot_id),
    CONSTRAINT fk_points_entries_points_account_id FOREIGN KEY(points_account_id) REFERENCES points_accounts (id),
    CONSTRAINT fk_points_entries_lot_id FOREIGN KEY(lot_id) REFERENCES points_lots (id)
);

CREATE TABLE campaigns (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    org_unit_id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    channel TEXT NOT NULL,
    product_id UUID,
    segment JSONB NOT NULL,
    message TEXT NOT NULL,
    author_id UUID NOT NULL,
    approver_id UUID,
    drafted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(40) NOT NULL,
    selected_up_to UUID,
    queued INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    CONSTRAINT pk_campaigns PRIMARY KEY (id),
    CONSTRAINT uq_campaigns_code UNIQUE (code),
    CONSTRAINT fk_campaigns_product_id FOREIGN KEY(product_id) REFERENCES products (id)
);

CREATE INDEX ix_campaigns_org_unit_id ON campaigns (org_unit_id);

CREATE INDEX ix_campaigns_running ON campaigns (id) WHERE status = 'running';

CREATE TABLE campaign_members (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    campaign_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    channel TEXT NOT NULL,
    selected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(40) NOT NULL,
    reason VARCHAR(40),
    CONSTRAINT pk_campaign_members PRIMARY KEY (id),
    CONSTRAINT uq_campaign_members_campaign_id_customer_id UNIQUE (campaign_id, customer_id),
    CONSTRAINT fk_campaign_members_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);

CREATE INDEX ix_campaign_members_customer_id ON campaign_members (customer_id);

CREATE TABLE audience (
    customer_id UUID NOT NULL,
    channels TEXT[] DEFAULT '{}' NOT NULL,
    complaint_ids UUID[] DEFAULT '{}' NOT NULL,
    kinds TEXT[] DEFAULT '{}' NOT NULL,
    value_group TEXT,
    assets NUMERIC(18, 4),
    CONSTRAINT pk_audience PRIMARY KEY (customer_id)
);

-- The ledger is added to, and never changed.
DO $$ DECLARE other TEXT; BEGIN FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = current_schema() AND table_name = 'points_entries' AND grantee <> current_user LOOP EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON points_entries FROM %I', other); END LOOP; END $$;

-- What opening an account earns: defaults, which the bank changes by rows of its own.
INSERT INTO earning_rules (code, effective_from, kind, points, months) VALUES
    ('current-opened', '2026-01-01', 'current', 100, 24),
    ('savings-opened', '2026-01-01', 'savings', 100, 24),
    ('term-deposit-opened', '2026-01-01', 'term_deposit', 300, 24),
    ('wealth-product-opened', '2026-01-01', 'wealth_product', 500, 24),
    ('fund-opened', '2026-01-01', 'fund', 500, 24),
    ('credit-card-opened', '2026-01-01', 'credit_card', 800, 24);
