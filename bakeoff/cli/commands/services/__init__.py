"""Commands that keep running: the worker, the API, and everything for one machine."""
