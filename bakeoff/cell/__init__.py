"""Cells: the processes in which untrusted code runs, how they are started, limited, watched and killed."""
