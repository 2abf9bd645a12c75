CREATE TABLE consumer_progress (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    caught_up_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_consumer_progress PRIMARY KEY (topic, partition)
);
