"""The registry of trained models, kept by MLflow: what is saved here, plain MLflow lists and loads."""
