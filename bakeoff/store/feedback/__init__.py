"""Rows of other systems' results, their scores and labels."""
