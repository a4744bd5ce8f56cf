"""Plots with two axes: curves, residuals, score against cost."""
