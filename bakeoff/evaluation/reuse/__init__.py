"""What a result was made of, and whether an earlier one is reused."""
