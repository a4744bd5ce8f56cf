"""The Celery application. Importing it starts nothing: the configuration is read when it is first needed.

Messages are doorbells: acknowledged when they arrive, never stored, never trusted. What makes up for a lost
one is the lease and the sweep, so no result backend, no late acknowledgement, no retry of Celery's is needed.
"""

from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from bakeoff.broker import broker_access
from bakeoff.broker.broker_access import CONTROL, EVALUATIONS
from bakeoff.operations import process_context
from bakeoff.worker import node_startup

app = Celery(
    "bakeoff",
    include=[
        "tasks.evaluate",
        "tasks.sweep_duty",
        "tasks.request_tasks",
        "tasks.scheduled_runs",
        "bakeoff.operations.score_items",
    ],
)
app.steps["worker"].add(node_startup.Housekeeper)
app.user_options["worker"].add(node_startup.FOR_RUN)


def settings() -> dict[str, Any]:
    ours = process_context.configuration().settings
    return {
        "broker_url": broker_access.url(),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "broker_transport_options": _transport_options(),
        "task_queues": [_queue(EVALUATIONS), _queue(CONTROL)],
        "task_default_queue": CONTROL,
        "task_default_exchange": CONTROL,
        "task_default_routing_key": CONTROL,
        "task_routes": {"bakeoff.evaluate": {"queue": EVALUATIONS}},
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_ignore_result": True,
        "result_backend": None,
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
        "worker_disable_prefetch": True,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": ours.eval_workers,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        "worker_hijack_root_logger": True,
        "enable_utc": True,
        "timezone": "UTC",
        "beat_schedule": {
            name: {"task": f"bakeoff.{name}", "schedule": ours.lease_seconds / 3}
            for name in ("sweep", *(["retrain"] if ours.scheduled else []))
        },
        "beat_scheduler": "celery.beat:Scheduler",  # without a file: what was due is in the database
    }


def _queue(name: str) -> Queue:
    """As Celery makes it for those who only name it, so that both mean the same."""
    return Queue(name, Exchange(name), routing_key=name)


def _transport_options() -> dict[str, Any]:
    settings = process_context.configuration().settings
    options: dict[str, Any] = {
        "visibility_timeout": int(2 * settings.evaluation_timeout + 600),
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 5,
        "health_check_interval": 25,
        "max_retries": 1,  # of a producer: it has better things to do, and the sweep rings later
    }
    if settings.broker_url:
        options["global_keyprefix"] = settings.broker_prefix
    return options


app.add_defaults(settings)
