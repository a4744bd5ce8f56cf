"""Functions of the user, metrics and datasets, and the cells that they run in."""
