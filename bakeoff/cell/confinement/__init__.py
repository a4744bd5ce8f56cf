"""What a cell can open, write and call: Landlock, seccomp, scratch folders, kernel calls."""
