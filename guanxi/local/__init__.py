"""The local stack: PostgreSQL and Kafka from packages alone, and a supervisor for our own programs."""
