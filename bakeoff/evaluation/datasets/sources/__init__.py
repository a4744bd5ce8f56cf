"""Sources of datasets: files, queries, toy sets, labelled items, functions, and those that packages add."""
