"""Commands about the project: candidates, datasets, settings, schedules, database, cleaning up, doctor."""
