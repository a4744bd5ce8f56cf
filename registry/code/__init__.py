"""What a candidate's code consists of, and making a model from it."""
