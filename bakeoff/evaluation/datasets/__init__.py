"""Data: reading, checking and splitting a dataset, and the snapshot that it becomes."""
