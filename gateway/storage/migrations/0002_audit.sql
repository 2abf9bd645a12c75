CREATE SCHEMA edge;

CREATE TABLE edge.audit (
    chain UUID NOT NULL,
    sequence BIGINT NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    service TEXT NOT NULL,
    actor TEXT NOT NULL,
    permission TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    status INTEGER NOT NULL,
    origin TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    reason TEXT,
    thing_ids UUID[] NOT NULL,
    customer_ids UUID[] NOT NULL,
    terms TEXT[] NOT NULL,
    content TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (chain, sequence)
);

CREATE INDEX ix_edge_audit_id ON edge.audit (id);

CREATE INDEX ix_edge_audit_actor ON edge.audit (actor, at);

CREATE INDEX ix_edge_audit_customer_ids ON edge.audit USING gin (customer_ids);

CREATE TABLE edge.audit_heads (
    chain UUID NOT NULL,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (chain, sequence)
);

CREATE TABLE edge.audit_alerts (
    id UUID NOT NULL,
    actor TEXT NOT NULL,
    day DATE NOT NULL,
    rule TEXT NOT NULL,
    customers INTEGER NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT uq_audit_alerts_actor_day_rule UNIQUE (actor, day, rule)
);

DO $$ DECLARE other TEXT; BEGIN FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = 'edge' AND grantee <> current_user LOOP EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON edge.audit, edge.audit_heads FROM %I', other); END LOOP; END $$;
