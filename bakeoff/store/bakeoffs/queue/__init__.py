"""Which job goes next, and who may take it."""
