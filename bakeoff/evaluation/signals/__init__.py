"""Runs of signal models: what is asked of whom, what each works with, and how it is asked in a cell."""
