"""Columns and predictions: signatures, conversion, checks."""
