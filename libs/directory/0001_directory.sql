CREATE SCHEMA directory;

CREATE TABLE directory.assignments (
    customer_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    own_ids UUID[] DEFAULT '{}' NOT NULL,
    cover_ids UUID[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (customer_id)
);

CREATE INDEX ix_directory_assignments_cover_ids ON directory.assignments USING gin (cover_ids);

CREATE INDEX ix_directory_assignments_own_ids ON directory.assignments USING gin (own_ids);

CREATE TABLE directory.assignments_shadow (
    customer_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    own_ids UUID[] DEFAULT '{}' NOT NULL,
    cover_ids UUID[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (customer_id)
);

CREATE TABLE directory.cases (
    customer_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    handler_ids UUID[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (customer_id)
);

CREATE INDEX ix_directory_cases_handler_ids ON directory.cases USING gin (handler_ids);

CREATE TABLE directory.cases_shadow (
    customer_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    handler_ids UUID[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (customer_id)
);

CREATE TABLE directory.customers (
    customer_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT,
    kind TEXT,
    home_unit_id UUID,
    grade TEXT,
    canonical_id UUID,
    partner_consents TEXT[] DEFAULT '{}' NOT NULL,
    logins TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (customer_id)
);

CREATE INDEX ix_directory_customers_home_unit_id ON directory.customers (home_unit_id);

CREATE INDEX ix_directory_customers_logins ON directory.customers USING gin (logins);

CREATE INDEX ix_directory_customers_partner_consents ON directory.customers USING gin (partner_consents);

CREATE TABLE directory.customers_shadow (
    customer_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT,
    kind TEXT,
    home_unit_id UUID,
    grade TEXT,
    canonical_id UUID,
    partner_consents TEXT[] DEFAULT '{}' NOT NULL,
    logins TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (customer_id)
);

CREATE TABLE directory.org_units (
    org_unit_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    code TEXT,
    name TEXT,
    kind TEXT,
    parent_id UUID,
    path TEXT,
    PRIMARY KEY (org_unit_id)
);

CREATE INDEX ix_directory_org_units_code ON directory.org_units (code);

CREATE INDEX ix_directory_org_units_path ON directory.org_units (path text_pattern_ops);

CREATE TABLE directory.org_units_shadow (
    org_unit_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    code TEXT,
    name TEXT,
    kind TEXT,
    parent_id UUID,
    path TEXT,
    PRIMARY KEY (org_unit_id)
);

CREATE TABLE directory.staff (
    staff_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    unit_ids UUID[] DEFAULT '{}' NOT NULL,
    roles TEXT[] DEFAULT '{}' NOT NULL,
    logins TEXT[] DEFAULT '{}' NOT NULL,
    grants UUID[] DEFAULT '{}' NOT NULL,
    walls UUID[] DEFAULT '{}' NOT NULL,
    active BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (staff_id)
);

CREATE INDEX ix_directory_staff_logins ON directory.staff USING gin (logins);

CREATE TABLE directory.staff_shadow (
    staff_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    unit_ids UUID[] DEFAULT '{}' NOT NULL,
    roles TEXT[] DEFAULT '{}' NOT NULL,
    logins TEXT[] DEFAULT '{}' NOT NULL,
    grants UUID[] DEFAULT '{}' NOT NULL,
    walls UUID[] DEFAULT '{}' NOT NULL,
    active BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (staff_id)
);

CREATE TABLE directory.watermarks (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (topic, partition)
);
