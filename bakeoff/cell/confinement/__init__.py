"""What a cell may open, write and call: Landlock, seccomp, scratch folders, kernel calls."""
