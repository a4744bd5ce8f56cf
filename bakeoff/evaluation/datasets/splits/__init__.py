"""Which rows are trained on and which are tested: one split, or folds; at random, by groups, by time."""
