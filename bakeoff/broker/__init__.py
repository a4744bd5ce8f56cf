"""Which Redis this deployment uses, and the embedded Redis server for a machine that has none."""
