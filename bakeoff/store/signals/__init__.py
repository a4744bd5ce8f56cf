"""The answers of signal models, and the signals of their ensemble."""
