"""The types that all packages share, and their rules. Only the standard library is imported."""
