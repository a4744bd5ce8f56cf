"""The context: what one process works with. It is made once, where the process starts, and passed down.

A command, the HTTP API, a worker and the saver each make one from their configuration. Everything in it is
opened when it is first used, so that a command that only prints something loads no database and no Celery.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from bakeoff.settings.configuration import Configuration

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.broker.redis_of_project import Broker
    from bakeoff.evaluation.datasets.pin_cache import PinCache
    from bakeoff.operations.concurrency_caps_and_job_resources import SharedCaps
    from bakeoff.operations.upkeep.event_relay import EventRelay
    from bakeoff.store.bakeoffs.queue.queue_order import WaitingJob
    from registry.catalog.live_catalog import Catalog


class Messenger(Protocol):
    """What operations need of the task queue; `tasks.celery_doorbells` implements it with Celery.

    No method raises when the broker is away, and none waits for workers longer than about a second.
    """

    def send_doorbells(self, jobs: "Sequence[WaitingJob]") -> bool:
        """Sends one message for each job. False: the broker took none, or not all of them."""

    def jobs_with_doorbell(self, *, most: int) -> list[str] | None:
        """The ids of jobs that have a message which no worker has taken yet; None: the broker is away."""

    def queue_readers(self) -> Mapping[str, list[str]]:
        """The names of the workers that read each queue, as far as they answer."""

    def evaluations_are_read(self) -> bool:
        """Whether any worker reads the queue of evaluations."""

    def worker_answers(self, name: str) -> bool:
        """Whether the worker of this name answers."""


class NoMessenger:
    """For a process that starts no jobs, such as the saver: it sends nothing."""

    def send_doorbells(self, jobs: "Sequence[WaitingJob]") -> bool:  # noqa: ARG002 - the port's signature
        return False

    def jobs_with_doorbell(self, *, most: int) -> list[str] | None:  # noqa: ARG002 - the port's signature
        return None

    def queue_readers(self) -> Mapping[str, list[str]]:
        return {}

    def evaluations_are_read(self) -> bool:
        return False

    def worker_answers(self, name: str) -> bool:  # noqa: ARG002 - the port's signature
        return False


class Context:
    """Safe to share between threads."""

    def __init__(
        self, configuration: Configuration, messenger: "Callable[[Context], Messenger] | None" = None
    ) -> None:
        """`messenger` makes the port to the task queue when it is first used; None: no message is sent.

        NotFoundError where there is no project: everything that is opened or made here belongs to one.
        """
        configuration.require_project()
        self.configuration = configuration
        self._make_messenger = messenger
        self._catalog: Catalog | None = None
        self._loading = Lock()

    @cached_property
    def messenger(self) -> Messenger:
        return NoMessenger() if self._make_messenger is None else self._make_messenger(self)

    @property
    def engine(self) -> "Engine":
        """The engine of the database of runs."""
        from bakeoff.store.database.engine_and_transactions import open_database

        return open_database(self.configuration.database_url)

    def make_project_importable(self) -> None:
        """For metrics and datasets that are functions of the project. Our own modules come first."""
        from registry.code.class_import import add_to_import_path

        add_to_import_path(self.configuration.root)

    def has_database(self) -> bool:
        """Whether there is a database. Nothing is created."""
        from bakeoff.store.database import schema_version

        file = self.configuration.database_file
        if file is not None and not file.is_file():
            return False
        return schema_version.current(self.engine) is not None

    @cached_property
    def broker(self) -> "Broker":
        from bakeoff.broker.redis_of_project import Broker

        return Broker(self.configuration)

    @cached_property
    def shared_caps(self) -> "SharedCaps":
        """How many evaluations run at once. Forked children share what this process announces."""
        from bakeoff.operations.concurrency_caps_and_job_resources import SharedCaps

        return SharedCaps(self.configuration.settings)

    def share_caps_with_forks(self) -> None:
        """Called before a process forks. Made after it, each process would have caps of its own."""
        self.shared_caps.present()

    @cached_property
    def event_relay(self) -> "EventRelay":
        from bakeoff.operations.upkeep.event_relay import EventRelay

        return EventRelay(self)

    @cached_property
    def pin_cache(self) -> "PinCache":
        """Datasets that were pinned before, by any process."""
        from bakeoff.evaluation.datasets.pin_cache import PinCache

        return PinCache(self.configuration.data_dir / "pinned.json")

    def catalog(self) -> "Catalog":
        """Loaded at the first call, which takes some seconds; why candidates were rejected is recorded."""
        with self._loading:  # without it, two threads would both check all candidates
            if self._catalog is None:
                from registry.catalog.live_catalog import Catalog

                loaded = Catalog.of(self.configuration)
                self._record_rejections(loaded)
                self._catalog = loaded
            return self._catalog

    def reload_catalog(self) -> None:
        catalog = self.catalog()
        catalog.reload()
        self._record_rejections(catalog)

    def _record_rejections(self, catalog: "Catalog") -> None:
        from bakeoff.store.bakeoffs import rejected_candidate_rows

        rejected_candidate_rows.record(self.engine, list(catalog.rejected.values()))
