"""Results of one test set side by side: what words name, whether they can be compared, and the verdict."""
