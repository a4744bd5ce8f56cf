import os
from collections.abc import Iterator

import pytest

from bakeoff.worker.temporary.worker_owner import WorkerOwner


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.owner = WorkerOwner(self.read_end)
        self.cancelled: list[str] = []

    def say(self, text: str) -> None:
        os.write(self.write_end, text.encode())

    def die(self) -> None:
        os.close(self.write_end)

    def look(self) -> bool:
        return self.owner.look(self.cancelled.append)


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


def test_a_line_that_arrives_in_pieces_is_one_line(pipe: Pipe) -> None:
    pipe.say("+long-")
    assert not pipe.look()
    pipe.say("name\n")
    pipe.die()
    pipe.look()
    assert pipe.cancelled == ["long-name"]


def test_a_run_that_could_not_be_cancelled_is_tried_again(pipe: Pipe) -> None:
    pipe.say("+a\n")
    pipe.die()

    def fail(_: str) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        pipe.owner.look(fail)
    assert pipe.look()
    assert pipe.cancelled == ["a"]
