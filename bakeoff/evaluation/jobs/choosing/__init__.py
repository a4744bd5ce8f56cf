"""What a candidate chooses on its training rows: parameters, a threshold, and what is accepted of that."""
