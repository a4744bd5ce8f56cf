"""The version in Production beside the candidates of a run, and what gates know of both."""
