"""The counts for the metrics endpoint."""
