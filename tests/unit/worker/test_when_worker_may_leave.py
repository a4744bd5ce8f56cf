import os
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from bakeoff.worker.temporary import when_worker_may_leave
from bakeoff.worker.temporary.when_worker_may_leave import WorkerOwner


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.owner = WorkerOwner(self.read_end)
        self.cancelled: list[str] = []
        self.rung = 0

    def say(self, text: str) -> None:
        os.write(self.write_end, text.encode())

    def die(self) -> None:
        """All that was said is read, as by the thread of the worker."""
        os.close(self.write_end)
        self.owner.listen(self._ring)

    def look(self) -> bool:
        return self.owner.look(self.cancelled.append)

    def _ring(self) -> None:
        self.rung += 1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    os.close(made.read_end)


def test_nothing_is_cancelled_while_the_owner_lives(pipe: Pipe) -> None:
    pipe.say("+a\n")
    assert not pipe.look()
    assert pipe.cancelled == []
    pipe.die()


def test_its_open_runs_are_cancelled_when_it_dies(pipe: Pipe) -> None:
    pipe.say("+a\n+b\n+c\n-b\n")
    pipe.die()
    assert pipe.look()
    assert pipe.cancelled == ["a", "c"]


def test_a_run_is_cancelled_once(pipe: Pipe) -> None:
    pipe.say("+a\n")
    pipe.die()
    assert [pipe.look(), pipe.look()] == [True, True]
    assert pipe.cancelled == ["a"]


def test_a_line_that_arrives_in_pieces_is_one_line(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(when_worker_may_leave, "_CHUNK", 5)
    pipe.say("+long-name\n!\n")
    pipe.die()
    pipe.look()
    assert (pipe.cancelled, pipe.rung) == (["long-name"], 1)


def test_doorbells_are_sent_while_the_owner_lives_as_soon_as_it_asks(pipe: Pipe) -> None:
    rung = Event()
    listening = Thread(target=pipe.owner.listen, args=[rung.set])
    listening.start()
    pipe.say("+a\n!\n")
    assert rung.wait(10)
    assert not pipe.look()
    os.close(pipe.write_end)
    listening.join()
    assert pipe.look()
    assert pipe.cancelled == ["a"]


def test_a_run_that_could_not_be_cancelled_is_tried_again(pipe: Pipe) -> None:
    pipe.say("+a\n")
    pipe.die()

    def fail(_: str) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        pipe.owner.look(fail)
    assert pipe.look()
    assert pipe.cancelled == ["a"]
