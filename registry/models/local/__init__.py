"""The embedded registry: a folder with files and an SQLite database, for one machine."""
