"""`bakeoff check`: which plugins are checked, and what is remembered of it"""
