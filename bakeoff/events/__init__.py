"""The envelope of events, and the Redis stream that they are published to."""
