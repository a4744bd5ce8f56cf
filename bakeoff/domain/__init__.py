"""The words of the project, in the standard library alone."""
