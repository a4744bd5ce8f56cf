"""Metrics: their names, the rules of a run, and the scores of one candidate's predictions."""
