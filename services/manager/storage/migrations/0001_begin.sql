CREATE TABLE known_customers (
    customer_id UUID NOT NULL,
    line VARCHAR(40) NOT NULL,
    home_unit_id UUID,
    waiting BOOLEAN NOT NULL,
    CONSTRAINT pk_known_customers PRIMARY KEY (customer_id)
);

CREATE INDEX ix_known_customers_waiting ON known_customers (home_unit_id) WHERE waiting;

CREATE TABLE org_units (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    path TEXT NOT NULL,
    parent_id UUID,
    CONSTRAINT pk_org_units PRIMARY KEY (id),
    CONSTRAINT uq_org_units_code UNIQUE (code),
    CONSTRAINT uq_org_units_path UNIQUE (path),
    CONSTRAINT fk_org_units_parent_id FOREIGN KEY(parent_id) REFERENCES org_units (id)
);

CREATE TABLE staff (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    unit_ids UUID[] NOT NULL,
    roles TEXT[] NOT NULL,
    logins TEXT[] NOT NULL,
    grants UUID[] NOT NULL,
    walls UUID[] NOT NULL,
    hired_at TIMESTAMP WITH TIME ZONE NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_staff PRIMARY KEY (id),
    CONSTRAINT uq_staff_number UNIQUE (number)
);

CREATE INDEX ix_staff_unit_ids ON staff USING gin (unit_ids);

CREATE TABLE assignments (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    customer_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    line VARCHAR(40) NOT NULL,
    role VARCHAR(40) NOT NULL,
    rule VARCHAR(40),
    reason TEXT,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT,
    CONSTRAINT pk_assignments PRIMARY KEY (id),
    CONSTRAINT fk_assignments_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id)
);

CREATE INDEX ix_assignments_book ON assignments (staff_id) WHERE ended_at IS NULL;

CREATE INDEX ix_assignments_customer_id ON assignments (customer_id);

CREATE UNIQUE INDEX uq_assignments_one_main ON assignments (customer_id, line) WHERE ended_at IS NULL AND role = 'main';
