"""What Celery knows: the application, the tasks, the messages, and the producer for scripts."""
