"""The command bakeoff."""
