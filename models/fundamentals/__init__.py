"""The parts of model_b: scores of companies from their fundamentals. Pure functions."""
