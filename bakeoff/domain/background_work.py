"""Work that takes its time, beside somebody who has something else to do meanwhile."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Thread
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """`keep_going` said no."""


class TooLongError(Exception):
    """It took longer than it may."""


def begin(work: Callable[[], T]) -> Future[T]:
    """In a thread that keeps nobody from leaving: it ends with this process."""
    answer: Future[T] = Future()
    Thread(target=copy_context().run, args=(_answer, answer, work), daemon=True).start()
    return answer


def meanwhile(
    work: Callable[[], T], *, keep_going: Callable[[], bool], longest_s: float, tick_s: float = 1.0
) -> T:
    """What `work` returns or raises. When it is stopped, its thread is left: threads cannot be ended."""
    answer, overdue = begin(work), monotonic() + longest_s
    while not wait([answer], tick_s).done:
        if not keep_going():
            raise StoppedError
        if monotonic() > overdue:
            raise TooLongError
    return answer.result()


def _answer(answer: Future[T], work: Callable[[], T]) -> None:
    try:
        answer.set_result(work())
    except BaseException as exc:  # noqa: BLE001 - it is raised again, where somebody waits for it
        answer.set_exception(exc)
