"""Comparing the version in Production with the candidates of a run, and what gates know of both."""
