CREATE TABLE view.changes (
    transaction BIGINT DEFAULT (pg_current_xact_id()::text::bigint) NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    customer_id UUID NOT NULL,
    section TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (transaction, position)
);

CREATE INDEX ix_view_changes_customer_id ON view.changes (customer_id, transaction, position);

CREATE INDEX ix_view_changes_changed_at ON view.changes (changed_at);

CREATE FUNCTION view.note_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO view.changes (customer_id, section, version, changed_at) SELECT customer_id, section, version, now() FROM changed; RETURN NULL; END $$;

CREATE TRIGGER note_inserts AFTER INSERT ON view.sections
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION view.note_changes();

CREATE TRIGGER note_updates AFTER UPDATE ON view.sections
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION view.note_changes();
