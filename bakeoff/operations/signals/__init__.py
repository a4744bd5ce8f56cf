"""Signal models: starting runs of signals; training, explaining and checking the models."""
