"""Runs of signal models: the plan, what each model works with, and its cell."""
