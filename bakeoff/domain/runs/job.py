"""A job is one candidate, evaluated once, for one run.

    queued -> running                                       a worker claims it
    running -> completed | failed | timed_out | cancelled   it ends
    running -> queued                                       its worker died or let go, attempts are left
    queued -> cancelled                                     it was cancelled before it started

In a race, where all candidates go through the folds in rounds, it also lets go of its slot between them:

    running -> waiting                                      it has the folds of this round, others have not
    waiting -> queued                                       the look after the round lets it go on
    waiting -> stopped                                      the look shows that it is not the best
    waiting -> cancelled                                    somebody cancelled it meanwhile

A job that has ended never moves again: that is what makes a redelivered message harmless.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.signal import SignalJobInputs


class JobState(StrEnum):
    QUEUED = "queued"  #: waiting for one of the evalWorkers slots
    RUNNING = "running"  #: a worker holds its lease
    WAITING = "waiting"  #: of a race: it has done this round, and needs no slot until all have
    COMPLETED = "completed"  #: its result is stored
    FAILED = "failed"  #: the error is stored beside it
    TIMED_OUT = "timed_out"  #: it ran longer than its timeout
    CANCELLED = "cancelled"  #: a user stopped it
    STOPPED = "stopped"  #: of a race: shown not to be the best, so it is not fitted on the other folds

    @property
    def has_ended(self) -> bool:
        return self not in MOVES


#: The allowed moves. A state without an entry is final.
MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(JobState) - {JobState.RUNNING, JobState.STOPPED},
    JobState.WAITING: frozenset({JobState.QUEUED, JobState.STOPPED, JobState.CANCELLED}),
}


class JobKind(StrEnum):
    EVALUATION = "evaluation"
    SIGNALS = "signals"  #: a signal model predicts for the symbols of its run


class Phase(StrEnum):
    """The phase of a job in which something went wrong."""

    START = "start"  #: before the plugin's code ran
    IMPORT = "import"
    CONSTRUCT = "construct"
    LOAD = "load"  #: verifying and unpickling the saved models of a signal model
    FIT = "fit"
    PREDICT = "predict"
    SAVE = "save"  #: pickling the fitted model, for a run that saves models
    SCORE = "score"
    ASK = "ask"  #: the predictions of a signal model


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job has no result, with the details that are needed to mend the candidate."""

    type: str  #: exception class, signal name, or one of our own words such as `Timeout`
    message: str
    phase: Phase
    traceback: str = ""
    hint: str = ""  #: what to do about it, where that is known
    log_tail: str = ""  #: the last lines of what the plugin printed

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "phase": Phase(data["phase"])})

    def to_record(self) -> dict[str, Any]:
        """The error as JSON, in events, over HTTP and in `--json`."""
        return {
            "type": self.type,
            "message": self.message,
            "phase": self.phase,
            "traceback": self.traceback,
            "hint": self.hint,
            "logTail": self.log_tail,
        }


@dataclass(frozen=True, kw_only=True)
class Job:
    id: str
    run_id: str
    kind: JobKind
    candidate: Candidate
    state: JobState
    attempt: int  #: starts so far that count against maxAttempts
    max_attempts: int
    timeout_s: float
    position: int  #: place in the queue of its run, from 0
    part_of: str | None = None  #: the job of whose folds it fits one; None: it is a whole evaluation
    place: int | None = None  #: of that fold, among the fits of the design
    reuses: str | None = None  #: the evaluation whose predictions it scores; None: it is fitted
    signal_inputs: SignalJobInputs | None = None  #: of a job of signals; None for an evaluation
    worker: str | None = None  #: the worker that holds the lease, or held it last
    node: str | None = None  #: the machine it runs or ran on
    created_at: datetime
    started_at: datetime | None = None  #: first claim
    ended_at: datetime | None = None
    cancel_requested_at: datetime | None = None  #: since then its worker should stop it
    error: JobError | None = None
