"""The types that all rooms share, and their rules. Uses only the standard library."""
