CREATE TABLE customer_batches (
    batch_id UUID NOT NULL,
    place SMALLINT NOT NULL,
    customer_id UUID NOT NULL,
    CONSTRAINT pk_customer_batches PRIMARY KEY (batch_id, place),
    CONSTRAINT fk_customer_batches_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_customer_batches_customer_id ON customer_batches (customer_id);
