"""Datasets: reading, checking and splitting them, and their snapshots."""
