CREATE TABLE access_grants (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    reason TEXT NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT,
    CONSTRAINT pk_access_grants PRIMARY KEY (id),
    CONSTRAINT fk_access_grants_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id)
);

CREATE INDEX ix_access_grants_customer_id ON access_grants (customer_id);

CREATE INDEX ix_access_grants_lasting ON access_grants (staff_id) WHERE ended_at IS NULL;

CREATE INDEX ix_access_grants_ends_at ON access_grants (ends_at) WHERE ended_at IS NULL;

CREATE TABLE ethical_walls (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    reason TEXT NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lift_reason TEXT,
    CONSTRAINT pk_ethical_walls PRIMARY KEY (id),
    CONSTRAINT fk_ethical_walls_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id)
);

CREATE INDEX ix_ethical_walls_customer_id ON ethical_walls (customer_id);

CREATE UNIQUE INDEX uq_ethical_walls_standing ON ethical_walls (staff_id, customer_id) WHERE lifted_at IS NULL;

ALTER TABLE staff DROP COLUMN grants, DROP COLUMN walls;
