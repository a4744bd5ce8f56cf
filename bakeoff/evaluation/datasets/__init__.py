"""Datasets: reading, checking and splitting one, and the snapshot that it becomes."""
