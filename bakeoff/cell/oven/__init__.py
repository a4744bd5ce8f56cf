"""The oven: the process with the libraries loaded, the warm parents forked from it, the watch over cells."""
