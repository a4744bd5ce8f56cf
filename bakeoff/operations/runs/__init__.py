"""Runs: asked for, planned, started, reported, saved, reproduced."""
