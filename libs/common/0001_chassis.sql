CREATE TABLE consumer_progress (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    caught_up_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_consumer_progress PRIMARY KEY (topic, partition)
);

CREATE TABLE dead_letters (
    id UUID NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position BIGINT NOT NULL,
    type TEXT,
    subject TEXT,
    sequence BIGINT,
    cause TEXT NOT NULL,
    payload BYTEA NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_dead_letters PRIMARY KEY (id)
);

CREATE TABLE idempotency_keys (
    digest BYTEA NOT NULL,
    body_digest BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    resource_id UUID NOT NULL,
    written TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (digest)
);

CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TABLE inbox (
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    handled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_inbox PRIMARY KEY (event_id)
);

CREATE INDEX ix_inbox_handled_at ON inbox (handled_at);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    key UUID NOT NULL,
    subject UUID NOT NULL,
    sequence BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    traceparent VARCHAR(55),
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    parked_because TEXT,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);

CREATE INDEX ix_outbox_waiting ON outbox (id) WHERE published_at IS NULL;

CREATE INDEX ix_outbox_parked ON outbox (key) WHERE published_at IS NULL AND parked_because IS NOT NULL;

CREATE INDEX ix_outbox_published_at ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE publication_marks (
    stream TEXT NOT NULL,
    key UUID NOT NULL,
    version BIGINT NOT NULL,
    dirty BOOLEAN DEFAULT true NOT NULL,
    marked_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_publication_marks PRIMARY KEY (stream, key)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX ix_publication_marks_dirty ON publication_marks (stream, key) WHERE dirty;
