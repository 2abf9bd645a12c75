CREATE TABLE audit_chains (
    chain UUID NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    shipped BIGINT DEFAULT 0 NOT NULL,
    done BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_audit_chains PRIMARY KEY (chain)
);

CREATE INDEX ix_audit_chains_lasting ON audit_chains (chain) WHERE NOT done;

CREATE TABLE audit_entries (
    chain UUID NOT NULL,
    sequence BIGINT NOT NULL,
    content TEXT NOT NULL,
    hash BYTEA NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_audit_entries PRIMARY KEY (chain, sequence)
);

CREATE TABLE audit_heads (
    chain UUID NOT NULL,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature TEXT NOT NULL,
    CONSTRAINT pk_audit_heads PRIMARY KEY (chain, sequence)
);

DO $$ DECLARE other TEXT; BEGIN FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = current_schema() AND table_name = 'audit_entries' AND grantee <> current_user LOOP EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries, audit_heads FROM %I', other); END LOOP; END $$;
