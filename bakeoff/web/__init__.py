"""The pages: what a browser shows of a project. They stand above the API and are served by its process."""
