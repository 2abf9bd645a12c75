CREATE TABLE waiting_tasks (
    cause_id UUID NOT NULL,
    rule TEXT NOT NULL,
    customer_id UUID NOT NULL,
    kind TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_waiting_tasks PRIMARY KEY (cause_id, rule)
);

CREATE INDEX ix_waiting_tasks_due_at ON waiting_tasks (due_at);
