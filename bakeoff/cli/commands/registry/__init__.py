"""Commands about trained models: list, maintain, promote, predict."""
