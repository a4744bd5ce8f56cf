"""Rows of what signal models and their ensemble said."""
