"""Work beside somebody who is asked whether it may go on."""

import itertools
import threading

import pytest

from bakeoff.domain.machine.work_in_thread import StoppedError, TooLongError, run_in_thread

HOUR_S = 3600


def test_work_answers_and_nobody_is_asked_when_it_is_quick() -> None:
    assert run_in_thread(lambda: "done", keep_going=pytest.fail, longest_s=HOUR_S) == "done"


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise MemoryError("too much")

    with pytest.raises(MemoryError, match="too much"):
        run_in_thread(fail, keep_going=lambda: True, longest_s=HOUR_S)


def test_it_is_asked_again_and_again_while_the_work_goes_on() -> None:
    asked, enough = itertools.count(), threading.Event()

    def keep_going() -> bool:
        if next(asked) == 3:
            enough.set()
        return True

    assert run_in_thread(enough.wait, keep_going=keep_going, longest_s=HOUR_S, tick_s=0.001)


def test_the_caller_does_something_else_meanwhile_and_what_that_raises_is_raised() -> None:
    done = threading.Event()

    assert run_in_thread(done.wait, keep_going=lambda: True, longest_s=HOUR_S, meanwhile=done.set)
    with pytest.raises(ZeroDivisionError):
        run_in_thread(done.wait, keep_going=lambda: True, longest_s=HOUR_S, meanwhile=lambda: 1 // 0)


def test_a_no_ends_the_waiting() -> None:
    never = threading.Event()

    with pytest.raises(StoppedError):
        run_in_thread(never.wait, keep_going=lambda: False, longest_s=HOUR_S, tick_s=0.001)
    never.set()


def test_work_may_not_take_for_ever() -> None:
    never = threading.Event()

    with pytest.raises(TooLongError):
        run_in_thread(never.wait, keep_going=lambda: True, longest_s=0.01, tick_s=0.001)
    never.set()
