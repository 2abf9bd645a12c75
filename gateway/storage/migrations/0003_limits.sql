CREATE UNLOGGED TABLE edge.request_counts (
    key TEXT NOT NULL,
    count INTEGER NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (key)
);
