"""Commands about signal models, and about scores and labels of other systems' results."""
