"""The Celery application, and the one place that holds the context of a Celery process.

Importing it starts nothing: the configuration is read when it is first needed. Celery calls tasks and signal
receivers without arguments of ours, so they fetch the context here; all other code is given the context.

Messages are doorbells: they are acknowledged when they arrive, and the database is asked what they are about.
Leases and the sweep make up for a lost message. So Celery's result backend, late acknowledgement and retries
are not used.
"""

from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from bakeoff.broker import CONTROL, EVALUATIONS
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.settings.setting_definitions import Settings
from bakeoff.worker.worker_lifecycle import WorkerNode
from tasks.celery_doorbells import CeleryMessenger

_INCLUDED = ("tasks.evaluate", "tasks.start_sweep_and_score_tasks")

_chosen: list[Context] = []


def process_context() -> Context:
    """The context of this process: the one given to `use`, else one for the configuration that is found."""
    if not _chosen:
        _chosen.append(Context(load(), lambda context: CeleryMessenger(app, context.broker)))
    return _chosen[0]


def use(context: Context) -> None:
    """Sets the context. For entry points with flags of their own, and for tests, before it is first used."""
    _chosen[:] = [context]


def messenger_for(context: Context) -> CeleryMessenger:
    """The messenger of a process that starts runs and is no worker, with an application of its own."""
    sender = Celery("bakeoff", set_as_current=False)
    sender.add_defaults(lambda: settings(context))
    return CeleryMessenger(sender, context.broker)


def settings(context: Context) -> dict[str, Any]:
    ours = context.configuration.settings
    return {
        "broker_url": context.broker.url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "broker_transport_options": _transport_options(context),
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
        "beat_schedule": _beat_schedule(ours),
        "beat_scheduler": "celery.beat:Scheduler",  # keeps no file: which slots were due is in the database
    }


def _beat_schedule(ours: Settings) -> dict[str, Any]:
    """A worker sweeps three times as often by itself, without a message, which would cost it more."""
    every = {"sweep": ours.lease_seconds, **({"retrain": ours.lease_seconds / 3} if ours.scheduled else {})}
    return {name: {"task": f"bakeoff.{name}", "schedule": seconds} for name, seconds in every.items()}


def _queue(name: str) -> Queue:
    """The queue as Celery declares one of which only the name is given, so that both declarations agree."""
    return Queue(name, Exchange(name), routing_key=name)


def _transport_options(context: Context) -> dict[str, Any]:
    settings = context.configuration.settings
    options: dict[str, Any] = {
        "visibility_timeout": int(2 * settings.evaluation_timeout + 600),
        "unacked_restore_throttle": 1,
        "unacked_restore_interval": 60,
        "socket_connect_timeout": 5,
        "health_check_interval": 25,
        "max_retries": 1,  # a producer does not wait for the broker: the sweep sends the doorbell later
    }
    if settings.broker_url:
        options["global_keyprefix"] = settings.broker_prefix
    return options


app = Celery("bakeoff", include=_INCLUDED)
app.add_defaults(lambda: settings(process_context()))

node = WorkerNode(process_context)
node.attach_to(app)
