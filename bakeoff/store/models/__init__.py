"""Rows of the embedded registry of trained models: versions, and the log of stages."""
