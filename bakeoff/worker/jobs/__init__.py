"""Jobs at work: claiming, running and ending them, for evaluations and signals."""
