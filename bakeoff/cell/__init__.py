"""The process in which code of strangers runs: start, limit, watch, kill, account."""
