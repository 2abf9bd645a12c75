CREATE TABLE consents (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    purpose VARCHAR(40) NOT NULL,
    party TEXT NOT NULL,
    text_version TEXT NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_consents PRIMARY KEY (id),
    CONSTRAINT fk_consents_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_consents_customer_id ON consents (customer_id);

CREATE UNIQUE INDEX uq_consents_standing ON consents (customer_id, purpose, party) WHERE withdrawn_at IS NULL;
