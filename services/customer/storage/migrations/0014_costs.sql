CREATE INDEX ix_transactions_costs ON transactions (account_id, booked_at) WHERE channel = 'branch' OR category = 'fee';
