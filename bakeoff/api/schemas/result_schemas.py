"""What came of a run: records, failures, saved models."""

from typing import Any, Literal

from pydantic import Field

from bakeoff.api.schemas.schema_base import Id, Moment, Out
from bakeoff.domain.job import JobState, Phase
from bakeoff.domain.run import RunState


class ResultOut(Out):
    rank: int = Field(description="from 1, by the first metric; equals share one")
    evaluation_id: Id
    run_id: Id
    model_id: str
    model_version: str
    dataset_id: str
    dataset_name: str
    split_id: str
    seed: int
    metrics: dict[str, float | None] = Field(description="null where it is undefined for the predictions")
    timestamp: Moment
    duration: float = Field(description="seconds")
    attempt: int
    reused_from: Id | None = Field(description="the evaluation whose numbers these are")
    fit_seconds: float
    predict_seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    granted_threads: int
    granted_memory_mb: int | None
    beats_baseline: bool | None
    details: dict[str, Any] | None = Field(
        None, description="per class, confusion matrix, residuals, warnings; null unless `details=true`"
    )


class ErrorOut(Out):
    type: str
    message: str
    phase: Phase
    traceback: str = Field(description="in the code of the candidate")
    hint: str
    log_tail: str


class FailureOut(Out):
    evaluation_id: Id
    model_id: str
    model_version: str
    status: JobState
    attempt: int
    worker: str | None
    error: ErrorOut | None = Field(description="null for what was cancelled")


class SavedOut(Out):
    model_id: str
    run_id: Id
    evaluation_id: Id
    name: str
    version: str
    uri: str


class NotSavedOut(Out):
    model_id: str
    reason: str


class AdvanceOut(Out):
    promoted: bool
    version: str
    stage: str
    replaced: str | None
    reason: str
    failed_hooks: list[str]


class SavingOut(Out):
    state: Literal["waiting", "done"]
    models: list[SavedOut]
    not_saved: list[NotSavedOut]
    promotion: AdvanceOut | None
    remark: str
    error: str
    tries: int
    due_at: Moment
    done_at: Moment | None


class ResultsOut(Out):
    run_id: Id
    status: RunState
    results: list[ResultOut] = Field(description="of the evaluations that have completed, best first")
    failed: list[FailureOut] = Field(description="failed, timed out or cancelled")
    saving: SavingOut | None = Field(description="null before the run has ended, and if it saves nothing")
