"""The checks of `bakeoff doctor` and `/health`, a module for each part."""
