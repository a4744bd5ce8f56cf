"""Events for other systems. An event is published if, and only if, its change was committed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    EVALUATION_STARTED = "evaluation.started"  #: once per job, at its first claim
    EVALUATION_FOLD_COMPLETED = "evaluation.fold_completed"  #: one fold of a job that has several
    EVALUATION_COMPLETED = "evaluation.completed"  #: carries the record; reused jobs send only this one
    EVALUATION_FAILED = "evaluation.failed"  #: failed or timed out; carries the error
    EVALUATION_CANCELLED = "evaluation.cancelled"
    EVALUATION_STOPPED = "evaluation.stopped"  #: by its race; carries what showed that it is not the best
    SIGNAL_GENERATED = "SIGNAL_GENERATED"  #: the ensemble was stored, before its run completes
    RUN_COMPLETED = "run.completed"  #: once per run, however it ended


@dataclass(frozen=True, kw_only=True)
class Event:
    id: str  #: the same when it is published again: a reader drops ids that it has seen
    type: EventType
    run_id: str
    occurred_at: datetime
    payload: Mapping[str, Any]  #: camelCase, JSON-able
