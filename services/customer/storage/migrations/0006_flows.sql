CREATE TABLE transactions (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    transaction_ref TEXT NOT NULL,
    account_id UUID,
    account_number_sealed BYTEA,
    account_number_index BYTEA,
    account_number_masked TEXT,
    account_number_last_index BYTEA,
    direction TEXT NOT NULL,
    amount NUMERIC(20, 4) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    channel TEXT,
    category TEXT,
    counterparty_bank TEXT,
    initiated_by TEXT NOT NULL,
    reverses TEXT,
    CONSTRAINT pk_transactions PRIMARY KEY (id),
    CONSTRAINT uq_transactions_source_transaction_ref UNIQUE (source, transaction_ref),
    CONSTRAINT fk_transactions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_transactions_account_id ON transactions (account_id, booked_at);

CREATE INDEX ix_transactions_account_number_last_index ON transactions (account_number_last_index);

CREATE INDEX ix_transactions_waiting ON transactions (source, account_number_index) WHERE account_id IS NULL;

CREATE INDEX ix_transactions_sealed ON transactions (id) WHERE account_number_sealed IS NOT NULL;

CREATE TABLE daily_flows (
    account_id UUID NOT NULL,
    day DATE NOT NULL,
    currency VARCHAR(3) NOT NULL,
    inflow NUMERIC(20, 4) NOT NULL,
    outflow NUMERIC(20, 4) NOT NULL,
    bookings INTEGER NOT NULL,
    initiated INTEGER NOT NULL,
    CONSTRAINT pk_daily_flows PRIMARY KEY (account_id, day, currency),
    CONSTRAINT fk_daily_flows_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_daily_flows_initiated ON daily_flows (account_id, day) WHERE initiated > 0;

CREATE TABLE daily_balances (
    account_id UUID NOT NULL,
    day DATE NOT NULL,
    balance NUMERIC(20, 4) NOT NULL,
    CONSTRAINT pk_daily_balances PRIMARY KEY (account_id, day),
    CONSTRAINT fk_daily_balances_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE holdings (
    customer_id UUID NOT NULL,
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    told_on DATE,
    flows_until DATE,
    CONSTRAINT pk_holdings PRIMARY KEY (customer_id),
    CONSTRAINT fk_holdings_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX ix_holdings_due_at ON holdings (due_at);

CREATE INDEX ix_holdings_flows_until ON holdings (flows_until);

INSERT INTO daily_balances (account_id, day, balance)
    SELECT id, CASE WHEN status = 'closed' AND closed_on IS NOT NULL THEN closed_on
                    ELSE (as_of AT TIME ZONE 'Asia/Shanghai')::date END,
           CASE WHEN status = 'closed' THEN 0 ELSE balance END
    FROM accounts WHERE balance IS NOT NULL OR status = 'closed';

INSERT INTO holdings (customer_id, id, version, due_at)
    SELECT customer_id, uuidv7(), 0, now() FROM account_holders WHERE role <> 'authorised_user' GROUP BY customer_id;
