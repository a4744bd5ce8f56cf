"""Which candidates take part in a run, on which snapshot, scored by which rules."""
