"""Market data: prices and fundamentals, checked, cut off at a date, and kept as a snapshot."""
