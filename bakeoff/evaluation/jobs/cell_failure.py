"""How a cell ended for its job, where there is no answer: whose doing it was, and what to say of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.disk_space import free
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.job import JobError, JobState, Phase

_SIGKILL = 9
_PROCESSES = 128
_PROCESSES_PER_THREAD = 4


@dataclass(frozen=True, kw_only=True)
class Grant:
    threads: int
    memory_mb: int | None

    @property
    def processes(self) -> int:
        return max(_PROCESSES, _PROCESSES_PER_THREAD * self.threads)


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """The candidate's own doing: trying again would end alike."""

    state: JobState  #: failed or timed_out
    error: JobError


@dataclass(frozen=True, kw_only=True)
class Killed:
    """The cell was killed from outside: another attempt may do better."""

    error: JobError


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """We stopped it ourselves, because `leave` said no."""


class Leave(Protocol):
    """What the supervisor's watch allows."""

    def may_go_on(self) -> bool:
        """Asked each second."""

    def may_keep(self) -> bool:
        """Asked once the answer is there: whether it is still wanted."""


def without_answer(outcome: CellOutcome, *, attempt: int, writes_to: Path) -> Faulty | Killed | Stopped:
    """Of a cell that has not returned. `writes_to`: the folder that its outputs go to."""
    match outcome.end:
        case End.STOPPED:
            return Stopped()
        case End.NO_ROOM:
            raise InfrastructureError(_no_room(outcome, writes_to))
        case End.LOST:
            return Killed(error=_killed(attempt, outcome))
        case End.SIGNALLED if outcome.signal == _SIGKILL:
            return Killed(error=_killed(attempt, outcome))
        case _:
            state = JobState.TIMED_OUT if outcome.end is End.TIMED_OUT else JobState.FAILED
            return Faulty(state=state, error=_explain(outcome))


def _killed(attempt: int, outcome: CellOutcome) -> JobError:
    return JobError(
        type="Killed",
        message=f"killed {attempt} times by SIGKILL, out of memory?",
        phase=_phase(outcome),
        hint="watch the memory of the machine, lower evalWorkers, or set memoryLimitMb to learn who uses it",
        log_tail=outcome.last_words,
    )


def _explain(outcome: CellOutcome) -> JobError:
    failure = outcome.error
    return JobError(
        type=failure.type if failure else str(outcome.end),
        message=failure.message if failure else "",
        phase=_phase(outcome),
        traceback=failure.traceback if failure else "",
        hint=failure.hint if failure else "",
        log_tail=outcome.last_words,
    )


def _no_room(outcome: CellOutcome, folder: Path) -> str:
    said = outcome.error.message if outcome.error else ""
    return f"what the cell leaves cannot be written: {said}; {free(folder)}: make room there"


def _phase(outcome: CellOutcome) -> Phase:
    return Phase(outcome.phase) if outcome.phase in set(Phase) else Phase.START
