"""The configuration, read and checked once, passed down as one object."""
