"""One bake-off, without Celery and without SQL."""
