CREATE TABLE contribution_policies (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    effective_from DATE NOT NULL,
    currency TEXT NOT NULL,
    ftp_deposits NUMERIC(9, 6) NOT NULL,
    ftp_loans NUMERIC(9, 6) NOT NULL,
    cost_per_account NUMERIC(18, 4) NOT NULL,
    pd JSONB NOT NULL,
    lgd NUMERIC(9, 6) NOT NULL,
    tax NUMERIC(9, 6) NOT NULL,
    capital NUMERIC(9, 6) NOT NULL,
    hurdle NUMERIC(9, 6) NOT NULL,
    valuable_from NUMERIC(18, 4) NOT NULL,
    high_from NUMERIC(18, 4) NOT NULL,
    CONSTRAINT pk_contribution_policies PRIMARY KEY (id),
    CONSTRAINT uq_contribution_policies_effective_from UNIQUE (effective_from)
);

CREATE TABLE rankings (
    id SMALLINT NOT NULL,
    ranked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    customers INTEGER NOT NULL,
    recency DATE[] NOT NULL,
    frequency INTEGER[] NOT NULL,
    monetary NUMERIC(18, 4)[] NOT NULL,
    placed_up_to UUID,
    CONSTRAINT pk_rankings PRIMARY KEY (id)
);

CREATE TABLE scores (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    as_of DATE NOT NULL,
    policy_id UUID NOT NULL,
    currency TEXT NOT NULL,
    contribution NUMERIC(18, 2) NOT NULL,
    value_group VARCHAR(40) NOT NULL,
    reasons JSONB NOT NULL,
    holdings JSONB NOT NULL,
    assets NUMERIC(18, 4) NOT NULL,
    initiated INTEGER NOT NULL,
    last_initiated_on DATE,
    recency SMALLINT,
    frequency SMALLINT,
    monetary SMALLINT,
    rfm_name TEXT,
    CONSTRAINT pk_scores PRIMARY KEY (id),
    CONSTRAINT uq_scores_customer_id UNIQUE (customer_id),
    CONSTRAINT fk_scores_policy_id FOREIGN KEY(policy_id) REFERENCES contribution_policies (id)
);

CREATE INDEX ix_scores_awake ON scores (last_initiated_on) WHERE value_group <> 'sleeping';

CREATE INDEX ix_scores_policy_id ON scores (policy_id);

CREATE INDEX ix_scores_value_group ON scores (value_group);

-- The bank begins with these; each is a default, and another policy takes its place from a day on.
INSERT INTO contribution_policies VALUES (
    '00000000-0000-7000-8000-000000000001', 1, '2020-01-01', 'CNY', 0.02, 0.03, 60,
    '{"0": "0.005", "1-30": "0.03", "31-90": "0.15", "90+": "1"}', 0.45, 0.25, 0.105, 0.10, 1000, 10000);
