"""The parts of model_a: features of past prices, screens and training. Pure functions."""
