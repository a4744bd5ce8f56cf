"""The registry of trained models: the interface, its backends, promotion."""
