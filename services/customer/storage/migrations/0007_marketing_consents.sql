ALTER TABLE consents ADD COLUMN channel TEXT;

DROP INDEX uq_consents_standing;

CREATE UNIQUE INDEX uq_consents_standing ON consents (customer_id, purpose, party, channel) NULLS NOT DISTINCT
    WHERE withdrawn_at IS NULL;
