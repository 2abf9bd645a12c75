-- 15 CNY a piece is what the bank reckons with where it has said nothing else.
ALTER TABLE contribution_policies ADD COLUMN cost_per_branch_contact NUMERIC(18, 4) DEFAULT 15 NOT NULL;

ALTER TABLE scores ADD COLUMN branch_contacts INTEGER DEFAULT 0 NOT NULL;
