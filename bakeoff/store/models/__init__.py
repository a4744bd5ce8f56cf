"""Rows of the embedded registry of trained models."""
