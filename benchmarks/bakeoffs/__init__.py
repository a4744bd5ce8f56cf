"""The speed of whole bake-offs: beside other libraries, in folds, reused, in shared cells, on busy cores."""
