"""Worth: what the figures of companies say. Pure functions, of which model_b is made."""
