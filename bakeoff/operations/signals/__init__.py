"""Signals: starting runs of them, training, explaining and checking signal models."""
