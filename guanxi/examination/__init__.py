"""What `guanxi doctor` looks at."""
