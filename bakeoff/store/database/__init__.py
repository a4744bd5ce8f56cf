"""Engine, tables, schema versions, backup and copy of the databases."""
