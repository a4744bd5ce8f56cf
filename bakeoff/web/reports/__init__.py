"""Runs as documents: one HTML file, HTML for notebooks, Markdown."""
