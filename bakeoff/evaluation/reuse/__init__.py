"""The provenance of a result, and whether an earlier result is reused."""
