"""Work in a thread, while the caller does something else, or checks whether the work should go on."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Thread
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """`keep_going` returned False."""


class TooLongError(Exception):
    """The work took longer than it may."""


def start_in_thread(work: Callable[[], T]) -> Future[T]:
    """Starts work in a daemon thread, which ends with the process."""
    answer: Future[T] = Future()
    Thread(target=copy_context().run, args=(_answer, answer, work), daemon=True).start()
    return answer


def run_in_thread(
    work: Callable[[], T],
    *,
    keep_going: Callable[[], bool],
    longest_s: float,
    tick_s: float = 1.0,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """Returns or raises what `work` does. Raises StoppedError or TooLongError if it is not to go on.

    `meanwhile`: what this thread does before it waits; whatever that raises is raised at once.

    The thread then goes on all the same, because a thread cannot be ended from outside: the process should
    end.
    """
    answer, overdue = start_in_thread(work), monotonic() + longest_s
    meanwhile()
    while not wait([answer], tick_s).done:
        if not keep_going():
            raise StoppedError
        if monotonic() > overdue:
            raise TooLongError
    return answer.result()


def _answer(answer: Future[T], work: Callable[[], T]) -> None:
    try:
        answer.set_result(work())
    except BaseException as exc:  # noqa: BLE001 - it is raised again where the caller waits; uncaught here, it would be lost with the thread
        answer.set_exception(exc)
