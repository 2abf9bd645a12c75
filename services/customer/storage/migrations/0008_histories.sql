ALTER TABLE customers ADD COLUMN months_below SMALLINT DEFAULT '0' NOT NULL;

ALTER TABLE holdings ADD COLUMN grade_due_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX ix_holdings_grade_due_at ON holdings (grade_due_at);

UPDATE holdings SET grade_due_at = now() WHERE told_on IS NOT NULL;

CREATE TABLE relations (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    related_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_relations PRIMARY KEY (id),
    CONSTRAINT fk_relations_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_relations_related_id FOREIGN KEY(related_id) REFERENCES customers (id)
);

CREATE INDEX ix_relations_related_id ON relations (related_id);

CREATE UNIQUE INDEX uq_relations_standing ON relations (customer_id, related_id, kind) WHERE ended_at IS NULL;

CREATE TABLE interactions (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    service TEXT NOT NULL,
    type TEXT NOT NULL,
    subject UUID NOT NULL,
    version BIGINT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    facts JSONB NOT NULL,
    CONSTRAINT pk_interactions PRIMARY KEY (id, customer_id)
);

CREATE INDEX ix_interactions_customer_id ON interactions (customer_id, id);

CREATE TABLE grade_rungs (
    code TEXT NOT NULL,
    effective_from DATE NOT NULL,
    effective_to DATE,
    min_assets NUMERIC(20, 4) NOT NULL,
    grace_months SMALLINT NOT NULL,
    CONSTRAINT pk_grade_rungs PRIMARY KEY (code, effective_from)
);

-- The timeline is added to, and never changed.
DO $$ DECLARE other TEXT; BEGIN FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = current_schema() AND table_name = 'interactions' AND grantee <> current_user LOOP EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON interactions FROM %I', other); END LOOP; END $$;

-- Defaults, in CNY of month average; a bank writes rows of its own from a day on.
INSERT INTO grade_rungs (code, effective_from, min_assets, grace_months) VALUES
    ('mass', '2020-01-01', 0, 3),
    ('silver', '2020-01-01', 50000, 3),
    ('gold', '2020-01-01', 200000, 3),
    ('platinum', '2020-01-01', 500000, 3),
    ('diamond', '2020-01-01', 1000000, 3),
    ('private', '2020-01-01', 6000000, 6);
