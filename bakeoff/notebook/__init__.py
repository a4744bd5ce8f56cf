"""`bakeoff.compare` and `bakeoff.project`: bake-offs from a notebook or a script, and what comes back."""
