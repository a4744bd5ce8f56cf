"""Runs: when they are due, their jobs and results, the verdict, and the saving of models."""
