"""Results in order, and which models of a run are saved."""
