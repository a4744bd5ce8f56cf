"""Rows of runs and jobs: leases, queue order, outbox, schedules."""
