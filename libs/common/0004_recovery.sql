CREATE TABLE reader_positions (
    reader TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    CONSTRAINT pk_reader_positions PRIMARY KEY (reader, topic, partition)
);

CREATE TABLE topic_ends (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next BIGINT NOT NULL,
    CONSTRAINT pk_topic_ends PRIMARY KEY (topic, partition)
);

CREATE TABLE broker_epochs (
    epoch BIGINT NOT NULL,
    cluster_id TEXT NOT NULL,
    CONSTRAINT pk_broker_epochs PRIMARY KEY (epoch)
);
