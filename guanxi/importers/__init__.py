"""Other banks' data, brought in through the REST API and the core's topics alone."""
