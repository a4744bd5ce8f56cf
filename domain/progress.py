"""How far a run is, and how long it will take."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.job import JobState


class Step(Protocol):
    """As much of a job as is needed here."""

    @property
    def state(self) -> JobState: ...

    @property
    def started_at(self) -> datetime | None: ...


def number_ended(steps: Sequence[Step]) -> int:
    return sum(step.state.has_ended for step in steps)


def seconds_left(steps: Sequence[Step], elapsed: float) -> float | None:
    """At the pace so far; None as long as there is none. What was taken over from another run is no pace."""
    done = sum(step.state.has_ended and step.started_at is not None for step in steps)
    return (len(steps) - number_ended(steps)) * elapsed / done if done else None
