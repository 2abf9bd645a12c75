-- Entries that follow another, where that was written ahead and ended otherwise.
ALTER TABLE edge.audit ADD COLUMN follows UUID;
CREATE INDEX ix_edge_audit_follows ON edge.audit (follows) WHERE follows IS NOT NULL;
