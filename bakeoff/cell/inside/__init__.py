"""What the forked child does to itself, what code in a cell may call, and how it reports."""
