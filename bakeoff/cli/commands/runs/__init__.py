"""Commands about runs: start, plan, list, show, change, reproduce, follow events."""
