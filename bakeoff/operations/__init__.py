"""What the command line, the API and the tasks all do with a project."""
