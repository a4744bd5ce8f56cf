"""Evaluating one candidate: order a cell, fit and predict in it, accept its outputs, score them."""
