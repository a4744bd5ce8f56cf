"""Sketches: what is kept of how surely a score is known, and how it is computed for each metric."""
