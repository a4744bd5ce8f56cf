"""What every process needs of its machine: folders and their disk, threads, restarts."""
