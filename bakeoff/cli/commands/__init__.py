"""One module for each command, by noun: runs, project, registry, signals, services."""
