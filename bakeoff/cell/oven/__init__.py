"""The oven: the process with the libraries loaded, its warm parents, and the monitor of a cell."""
