"""Planning a run: which candidates, on which snapshot, scored by which rules."""
