"""The folds of one evaluation: fitted one after another or taken over, and joined to one result."""
