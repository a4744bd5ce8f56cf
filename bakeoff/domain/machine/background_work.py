"""Work that runs in a thread while its caller does something else, or looks whether it should go on."""

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
    """It took longer than it may."""


def start_in_thread(work: Callable[[], T]) -> Future[T]:
    """In a daemon thread: the process may end before it, and then it ends, too."""
    answer: Future[T] = Future()
    Thread(target=copy_context().run, args=(_answer, answer, work), daemon=True).start()
    return answer


def run_in_thread(
    work: Callable[[], T], *, keep_going: Callable[[], bool], longest_s: float, tick_s: float = 1.0
) -> T:
    """What `work` returns or raises. Raises StoppedError or TooLongError when it is not to go on.

    Its thread then runs on, for a thread cannot be ended from outside: the process should end soon.
    """
    answer, overdue = start_in_thread(work), monotonic() + longest_s
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
