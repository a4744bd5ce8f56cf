"""Simulations of what verdicts promise: how often intervals hold, how often something false is claimed."""
