ALTER TABLE daily_flows ADD COLUMN at_branch INTEGER DEFAULT 0 NOT NULL;

UPDATE daily_flows AS f SET at_branch = b.at_branch
    FROM (
        SELECT account_id, (booked_at AT TIME ZONE 'Asia/Shanghai')::date AS day, currency,
            sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END) AS at_branch
        FROM transactions
        WHERE account_id IS NOT NULL AND channel = 'branch' AND initiated_by = 'customer' GROUP BY 1, 2, 3) AS b
    WHERE f.account_id = b.account_id AND f.day = b.day AND f.currency = b.currency;
