CREATE TABLE complaints (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    number TEXT NOT NULL,
    regimes TEXT[] NOT NULL,
    channel VARCHAR(40) NOT NULL,
    business TEXT NOT NULL,
    cause TEXT NOT NULL,
    facts TEXT NOT NULL,
    status VARCHAR(40) NOT NULL,
    cycle SMALLINT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reply_due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    handler_id UUID,
    decision TEXT,
    reply_channel VARCHAR(40),
    replied_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    root_cause TEXT,
    responsibility TEXT,
    remedy TEXT,
    CONSTRAINT pk_complaints PRIMARY KEY (id),
    CONSTRAINT uq_complaints_number UNIQUE (number)
);

CREATE INDEX ix_complaints_customer_id ON complaints (customer_id, received_at);

CREATE INDEX ix_complaints_handler_id ON complaints (handler_id);

CREATE TABLE deadline_policies (
    regime TEXT NOT NULL,
    clock TEXT NOT NULL,
    effective_from DATE NOT NULL,
    effective_to DATE,
    days SMALLINT NOT NULL,
    CONSTRAINT pk_deadline_policies PRIMARY KEY (regime, clock, effective_from),
    CONSTRAINT ck_deadline_policies_days_positive CHECK (days > 0)
);

CREATE TABLE deadline_warnings (
    id UUID NOT NULL,
    complaint_id UUID NOT NULL,
    clock TEXT NOT NULL,
    cycle SMALLINT NOT NULL,
    threshold SMALLINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    warned_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_deadline_warnings PRIMARY KEY (id),
    CONSTRAINT uq_deadline_warnings_complaint_id_clock_cycle_threshold UNIQUE (complaint_id, clock, cycle, threshold),
    CONSTRAINT fk_deadline_warnings_complaint_id FOREIGN KEY(complaint_id) REFERENCES complaints (id)
);

CREATE INDEX ix_deadline_warnings_due_at ON deadline_warnings (due_at) WHERE warned_at IS NULL;

INSERT INTO deadline_policies (regime, clock, effective_from, days) VALUES
    ('nfra', 'statutory', '2020-03-01', 15),
    ('pboc', 'statutory', '2020-11-01', 15);
