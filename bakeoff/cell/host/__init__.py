"""The supervisor's side of a cell: its order, its log, its outputs and its outcome."""
