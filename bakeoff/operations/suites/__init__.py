"""Suites: runs of the same candidates on several datasets, started one after another and judged together."""
