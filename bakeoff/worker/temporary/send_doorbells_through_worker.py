"""Sends the doorbells of a process through the temporary worker that it relies on.

So Celery and redis are not imported by a notebook or by `bakeoff run`, which would take as long as all that
is written for a run. A worker that is asked for doorbells looks itself which are due.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from bakeoff.broker import CONTROL, EVALUATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bakeoff.operations.context import Messenger
    from bakeoff.store.bakeoffs.queue.queue_order import WaitingJob


class WorkerToRing(Protocol):
    def is_alive(self) -> bool:
        """Whether there is such a worker, and it lives."""

    def ring(self) -> bool:
        """Asks it for the doorbells that are due. False if it cannot be asked."""


class MessengerByWorker:
    """Without a worker to rely on, as where another one answers, this process speaks to the queue itself.

    A worker that dies before it has sent them is replaced by one that sends them when it starts.
    """

    def __init__(self, worker: WorkerToRing, make_own: "Callable[[], Messenger]") -> None:
        self._worker = worker
        self._make_own = make_own

    @cached_property
    def _own(self) -> "Messenger":
        return self._make_own()

    def send_doorbells(self, jobs: "Sequence[WaitingJob]") -> bool:
        """Nothing is lost if the worker dies now: the next one, or the sweep, sends what is due."""
        return self._worker.ring() or self._own.send_doorbells(jobs)

    def jobs_with_doorbell(self, *, most: int) -> list[str] | None:
        """While the worker lives none is known here: it looks itself before it sends any."""
        return [] if self._worker.is_alive() else self._own.jobs_with_doorbell(most=most)

    def queue_readers(self) -> "Mapping[str, list[str]]":
        """The worker reads evaluations as soon as it has started, and it is started again if it dies."""
        if self._worker.is_alive():
            return {EVALUATIONS: ["the temporary worker"], CONTROL: []}
        return self._own.queue_readers()

    def evaluations_are_read(self) -> bool:
        """Asks the queue: who wants to know this doubts that the worker serves."""
        return self._own.evaluations_are_read()

    def worker_answers(self, name: str) -> bool:
        return self._own.worker_answers(name)
