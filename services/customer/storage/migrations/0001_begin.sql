CREATE TABLE customers (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    name_grams TEXT[] NOT NULL,
    status VARCHAR(40) NOT NULL,
    home_unit_id UUID,
    birth_date DATE,
    gender VARCHAR(1),
    grade TEXT,
    logins TEXT[] NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_customers PRIMARY KEY (id)
);

CREATE INDEX ix_customers_home_unit_id ON customers (home_unit_id);

CREATE INDEX ix_customers_name_grams ON customers USING gin (name_grams);

CREATE TABLE accounts (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    origin VARCHAR(40) NOT NULL,
    source TEXT NOT NULL,
    number_sealed BYTEA,
    number_index BYTEA,
    number_masked TEXT,
    kind TEXT NOT NULL,
    product TEXT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    unit_code TEXT,
    opened_on DATE,
    closed_on DATE,
    status TEXT NOT NULL,
    "limit" NUMERIC(20, 4),
    rate NUMERIC(12, 8),
    maturity_on DATE,
    balance NUMERIC(20, 4),
    overdue_days INTEGER,
    sequence BIGINT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    main_holder_id UUID NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_source_number_index UNIQUE (source, number_index),
    CONSTRAINT fk_accounts_main_holder_id FOREIGN KEY(main_holder_id) REFERENCES customers (id)
);

CREATE INDEX ix_accounts_main_holder_id ON accounts (main_holder_id);

CREATE TABLE contact_points (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    value_sealed BYTEA NOT NULL,
    value_index BYTEA NOT NULL,
    value_masked TEXT NOT NULL,
    CONSTRAINT pk_contact_points PRIMARY KEY (id),
    CONSTRAINT fk_contact_points_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_contact_points_customer_id ON contact_points (customer_id);

CREATE INDEX ix_contact_points_value_index ON contact_points (value_index);

CREATE TABLE identity_documents (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    type VARCHAR(40) NOT NULL,
    number_sealed BYTEA NOT NULL,
    number_index BYTEA NOT NULL,
    number_masked TEXT NOT NULL,
    valid_from DATE,
    valid_to DATE,
    CONSTRAINT pk_identity_documents PRIMARY KEY (id),
    CONSTRAINT uq_identity_documents_type_number_index UNIQUE (type, number_index),
    CONSTRAINT fk_identity_documents_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_identity_documents_customer_id ON identity_documents (customer_id);

CREATE TABLE source_references (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    customer_id UUID NOT NULL,
    CONSTRAINT pk_source_references PRIMARY KEY (source, source_id),
    CONSTRAINT fk_source_references_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_source_references_customer_id ON source_references (customer_id);

CREATE TABLE account_holders (
    account_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT pk_account_holders PRIMARY KEY (account_id, customer_id),
    CONSTRAINT fk_account_holders_account_id FOREIGN KEY(account_id) REFERENCES accounts (id),
    CONSTRAINT fk_account_holders_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_account_holders_customer_id ON account_holders (customer_id);
