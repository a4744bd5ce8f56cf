"""A package of somebody else, which adds to Bakeoff."""
