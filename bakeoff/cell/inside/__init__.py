"""In the cell: how the forked child confines itself, runs the entry, and reports."""
