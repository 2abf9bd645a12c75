CREATE TABLE reveals (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    thing_id UUID NOT NULL,
    reason TEXT NOT NULL,
    revealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reveals PRIMARY KEY (id),
    CONSTRAINT fk_reveals_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_reveals_customer_id ON reveals (customer_id);
