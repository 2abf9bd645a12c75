ALTER TABLE contribution_policies ADD COLUMN cost_per_branch_contact NUMERIC(18, 4) DEFAULT 15 NOT NULL;

-- What a bank adopted by itself stays what it was.
UPDATE contribution_policies SET cost_per_branch_contact = 0 WHERE id <> '00000000-0000-7000-8000-000000000001';

ALTER TABLE scores
    ADD COLUMN branch_contacts INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN fees NUMERIC(18, 4) DEFAULT 0 NOT NULL;
