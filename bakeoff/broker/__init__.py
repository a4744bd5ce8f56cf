"""Which Redis this deployment uses, and the embedded Redis server for a machine that has none."""

EVALUATIONS = "evaluations"  #: the queue of doorbells of jobs
CONTROL = "control"  #: the queue of everything else, so that it never waits behind an evaluation
