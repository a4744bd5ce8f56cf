"""What signal models have in common: the past of each symbol, and the way from a confidence to a signal."""
