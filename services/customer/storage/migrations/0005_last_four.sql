ALTER TABLE identity_documents ADD COLUMN number_last_index BYTEA;

CREATE INDEX ix_identity_documents_number_last_index ON identity_documents (number_last_index);

ALTER TABLE contact_points ADD COLUMN value_last_index BYTEA;

CREATE INDEX ix_contact_points_value_last_index ON contact_points (value_last_index);

ALTER TABLE accounts ADD COLUMN number_last_index BYTEA;

CREATE INDEX ix_accounts_number_last_index ON accounts (number_last_index);

UPDATE identity_documents SET number_index = '\x01'::bytea || number_index WHERE length(number_index) = 32;

UPDATE contact_points SET value_index = '\x01'::bytea || value_index WHERE length(value_index) = 32;

UPDATE accounts SET number_index = '\x01'::bytea || number_index WHERE length(number_index) = 32;
