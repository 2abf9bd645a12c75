CREATE SCHEMA view;

CREATE TABLE view.sections (
    customer_id UUID NOT NULL,
    section TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    staff TEXT,
    self TEXT,
    PRIMARY KEY (customer_id, section)
);

CREATE TABLE view.sections_shadow (
    customer_id UUID NOT NULL,
    section TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    staff TEXT,
    self TEXT,
    PRIMARY KEY (customer_id, section)
);

CREATE TABLE view.watermarks (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (topic, partition)
);
