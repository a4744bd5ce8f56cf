"""What a worker process has beside Celery's pool."""
