"""Rows about results: folds, curves, verdicts, earlier fits, and the overview of runs."""
