CREATE TABLE tasks (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    kind TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT,
    rule TEXT,
    cause_id UUID,
    status VARCHAR(40) NOT NULL,
    fell_due_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    CONSTRAINT pk_tasks PRIMARY KEY (id),
    CONSTRAINT uq_tasks_cause_id_rule UNIQUE (cause_id, rule),
    CONSTRAINT fk_tasks_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id)
);

CREATE INDEX ix_tasks_customer_id ON tasks (customer_id);

CREATE INDEX ix_tasks_staff_id ON tasks (staff_id, status);

CREATE INDEX ix_tasks_to_fall_due ON tasks (due_at) WHERE fell_due_at IS NULL AND status = 'open';

CREATE TABLE occasions (
    rule TEXT NOT NULL,
    effective_from DATE NOT NULL,
    effective_to DATE,
    kind TEXT NOT NULL,
    days SMALLINT NOT NULL,
    CONSTRAINT pk_occasions PRIMARY KEY (rule, effective_from)
);

-- Defaults, which the bank changes by rows of its own from a day on.
INSERT INTO occasions (rule, effective_from, kind, days) VALUES
    ('complaint_received', '2020-01-01', 'call_back', 1),
    ('grade_watched', '2020-01-01', 'win_back', 7),
    ('grade_upgraded', '2020-01-01', 'welcome_up', 7);
