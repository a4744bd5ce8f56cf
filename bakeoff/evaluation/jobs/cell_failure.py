"""Why a cell returned no answer: the candidate's own fault, a kill from outside, or our own stop."""

from dataclasses import dataclass
from pathlib import Path

from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.own_packages_and_disk_space import free
from bakeoff.domain.runs.job import JobError, JobState, Phase

_SIGKILL = 9


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """The candidate's own fault: another attempt would end the same way."""

    state: JobState  #: failed or timed_out
    error: JobError


@dataclass(frozen=True, kw_only=True)
class Killed:
    """The cell was killed from outside: another attempt may succeed."""

    error: JobError


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The supervisor stopped the cell, because the job may not go on."""


def failure_of(outcome: CellOutcome, *, attempt: int, writes_to: Path) -> Faulty | Killed | Stopped:
    """For a cell that has not returned. `writes_to` is the folder of its outputs.

    A full disk raises InfrastructureError: it is the machine's fault, not the candidate's.
    """
    match outcome.end:
        case End.STOPPED:
            return Stopped()
        case End.NO_ROOM:
            cause = outcome.error.message if outcome.error else ""
            raise InfrastructureError(
                f"what the cell leaves cannot be written: {cause}; {free(writes_to)}: make room there"
            )
        case End.LOST:
            return Killed(error=_killed(attempt, outcome))
        case End.SIGNALLED if outcome.signal == _SIGKILL:
            return Killed(error=_killed(attempt, outcome))
        case _:
            state = JobState.TIMED_OUT if outcome.end is End.TIMED_OUT else JobState.FAILED
            return Faulty(state=state, error=_failed(outcome))


def _killed(attempt: int, outcome: CellOutcome) -> JobError:
    return JobError(
        type="Killed",
        message=f"killed {attempt} times by SIGKILL, out of memory?",
        phase=_phase(outcome),
        hint="watch the memory of the machine, lower evalWorkers, or set memoryLimitMb to learn who uses it",
        log_tail=outcome.end_of_log,
    )


def _failed(outcome: CellOutcome) -> JobError:
    failure = outcome.error
    return JobError(
        type=failure.type if failure else str(outcome.end),
        message=failure.message if failure else "",
        phase=_phase(outcome),
        traceback=failure.traceback if failure else "",
        hint=failure.hint if failure else "",
        log_tail=outcome.end_of_log,
    )


def _phase(outcome: CellOutcome) -> Phase:
    return Phase(outcome.phase) if outcome.phase in set(Phase) else Phase.START
