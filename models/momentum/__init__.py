"""Momentum: what past prices say. Pure functions of frames and arrays, of which model_a is made."""
