"""How much a model relies on each column: predictions on permuted columns, and their scores."""
