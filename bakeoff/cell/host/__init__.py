"""The supervisor's side of a cell: what is ordered, and what comes back."""
