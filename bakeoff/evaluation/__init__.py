"""One bake-off, without Celery and without SQL: data, cells' jobs, metrics, reuse and reports."""
