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

CREATE TABLE edge.webhook_events (
    place BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    customer_id UUID NOT NULL,
    subject UUID NOT NULL,
    sequence BIGINT NOT NULL,
    party TEXT,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_webhook_events PRIMARY KEY (place)
);

CREATE UNIQUE INDEX uq_webhook_events_event_id_customer_id ON edge.webhook_events (event_id, customer_id);

CREATE TABLE edge.webhooks (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    partner TEXT NOT NULL,
    url TEXT NOT NULL,
    types TEXT[] NOT NULL,
    description TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(40) NOT NULL,
    status_reason TEXT,
    CONSTRAINT pk_webhooks PRIMARY KEY (id)
);

CREATE INDEX ix_webhooks_partner ON edge.webhooks (partner);

CREATE TABLE edge.webhook_deliveries (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    webhook_id UUID NOT NULL,
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    customer_id UUID,
    subject UUID NOT NULL,
    sequence BIGINT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    place BIGINT NOT NULL,
    status VARCHAR(40) NOT NULL,
    tries INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    waits_since TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id),
    CONSTRAINT fk_webhook_deliveries_webhook_id FOREIGN KEY(webhook_id) REFERENCES edge.webhooks (id)
);

CREATE INDEX ix_webhook_deliveries_customer_id ON edge.webhook_deliveries (webhook_id, customer_id, id);

CREATE INDEX ix_webhook_deliveries_done ON edge.webhook_deliveries (occurred_at) WHERE status != 'waiting';

CREATE INDEX ix_webhook_deliveries_due ON edge.webhook_deliveries (webhook_id, due_at) WHERE status = 'waiting';

CREATE INDEX ix_webhook_deliveries_order ON edge.webhook_deliveries (webhook_id, customer_id, place) WHERE status = 'waiting';

CREATE INDEX ix_webhook_deliveries_waits_since ON edge.webhook_deliveries (waits_since) WHERE status = 'waiting';

CREATE INDEX ix_webhook_deliveries_webhook_id ON edge.webhook_deliveries (webhook_id, id);

CREATE UNIQUE INDEX uq_webhook_deliveries_event ON edge.webhook_deliveries (webhook_id, event_id, customer_id);

CREATE TABLE edge.webhook_secrets (
    id UUID NOT NULL,
    webhook_id UUID NOT NULL,
    secret_sealed BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_webhook_secrets PRIMARY KEY (id),
    CONSTRAINT fk_webhook_secrets_webhook_id FOREIGN KEY(webhook_id) REFERENCES edge.webhooks (id)
);

CREATE INDEX ix_webhook_secrets_webhook_id ON edge.webhook_secrets (webhook_id);

CREATE TABLE edge.webhook_attempts (
    id UUID NOT NULL,
    delivery_id UUID NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status INTEGER,
    error TEXT,
    milliseconds INTEGER NOT NULL,
    CONSTRAINT pk_webhook_attempts PRIMARY KEY (id),
    CONSTRAINT fk_webhook_attempts_delivery_id FOREIGN KEY(delivery_id) REFERENCES edge.webhook_deliveries (id) ON DELETE CASCADE
);

CREATE INDEX ix_webhook_attempts_delivery_id ON edge.webhook_attempts (delivery_id);
