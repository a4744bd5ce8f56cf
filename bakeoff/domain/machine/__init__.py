"""Folders and their disk, threads, and restarts of processes."""
