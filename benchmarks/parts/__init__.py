"""The speed of single parts: commands, the API, cells, snapshots, signals, the registry, and rest."""
