"""The envelope and the Redis stream."""
