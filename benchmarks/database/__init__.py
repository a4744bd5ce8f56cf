"""What jobs cost the database: each step of one, many at once, and when a project has grown."""
