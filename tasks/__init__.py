"""The Celery side: the application, the producer, the tasks, the sweep and the relay."""
