ALTER TABLE inbox ADD COLUMN subject TEXT, ADD COLUMN sequence BIGINT;

CREATE INDEX ix_inbox_subject ON inbox (subject, sequence);

ALTER TABLE dead_letters
    ADD COLUMN event_id UUID,
    ADD COLUMN source TEXT,
    ADD COLUMN attempts INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN asked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN out_of_order BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN handled_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX ix_dead_letters_asked_at ON dead_letters (asked_at) WHERE asked_at IS NOT NULL;
