"""What the shipped signal models share: the history of prices, and thresholds for signals."""
