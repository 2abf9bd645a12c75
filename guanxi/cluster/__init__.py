"""What a Kafka cluster holds for Guanxi: topics, and who may write and read them."""
