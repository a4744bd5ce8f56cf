"""The code of a candidate: which files it consists of, importing its class, building its model."""
