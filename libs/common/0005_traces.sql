ALTER TABLE publication_marks ADD COLUMN traceparent VARCHAR(55);
