"""Runs: the responses to starting, listing, reading and following them."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from bakeoff.api.schemas.schema_base import FindingOut, Id, Moment, Out
from bakeoff.domain.event import EventType
from bakeoff.domain.metric_names_and_scoring_rules import Average
from bakeoff.domain.runs.job import JobKind, JobState
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.runs.schedule import Missed, SlotState
from bakeoff.domain.signal import Strategy
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind


class JobOut(Out):
    job_id: Id
    model_id: str
    model_version: str
    status: JobState


class StartedOut(Out):
    run_id: Id
    status: RunState
    jobs: list[JobOut]


class ProgressOut(Out):
    counts: dict[JobState, int] = Field(description="number of jobs in each state; every state is present")
    done: int = Field(description="jobs that have ended, in any way")
    total: int


class ProgressOfOneOut(ProgressOut):
    eta_seconds: float | None = Field(description="from the pace so far; null before there is one")


class SignalOrderOut(Out):
    as_of: date
    symbols: int = Field(description="number of symbols")
    weights: dict[str, float] = Field(description="of each model, as declared")
    conflict_strategy: Strategy
    min_agreement: float
    min_confidence: float
    flag_conflicts: bool
    persist: bool = Field(description="whether the ensemble is stored")
    fresh: bool = Field(description="whether stored signals are computed again")


class DesignOut(Out):
    folds: int = Field(description="1: one split")
    repeats: int
    stratify: bool
    group: str | None = Field(description="column; rows of one group are never trained on and tested")
    time: str | None = Field(description="column; tested rows are later than those trained on")
    gap: int = Field(description="rows left out between training and test")
    fold_column: str | None = Field(description="column; rows with the same value are one fold")
    weight: str | None = Field(description="column; how much each row counts")
    seeds: int = Field(description="how often each fit is repeated with another seed")


class RunOut(Out):
    run_id: Id
    kind: JobKind
    name: str
    status: RunState
    dataset_id: str = Field(description="address of the snapshot")
    dataset_name: str
    split_id: str
    target: str
    target_kind: TargetKind
    classes: list[str]
    train_rows: int
    test_rows: int
    columns: int
    design: DesignOut = Field(description="which rows are trained on and which are tested")
    metrics: list[str] = Field(description="the first one ranks")
    positive_label: str | None
    threshold: float | Literal["tuned"] | None
    costs: dict[str, float] | None = None
    average: Average | None
    zero_division: float | None = Field(description="null means NaN")
    seal: float = Field(description="share of the test rows that only the winner is scored on")
    seed: int
    test_size: float
    baseline_id: str | None
    race: bool = Field(False, description="whoever is shown not to be the best is not fitted on all folds")
    priority: int = Field(description="jobs of runs with a higher priority go first")
    save: SavePolicy = Field(description="which models the run saves")
    save_as: str | None = Field(description="the name of the saved models in the registry")
    signals: SignalOrderOut | None = Field(description="the order to the signal models; null for a bake-off")
    findings: list[FindingOut] = Field(description="on its data, as they were known when it was started")
    retry_of: Id | None
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class RunInListOut(RunOut):
    progress: ProgressOut


class RunPageOut(Out):
    items: list[RunInListOut]
    next_cursor: str | None = Field(description="the `cursor` of the next page; null: this is the last")


class JobOfRunOut(JobOut):
    attempt: int = Field(description="starts so far")
    node: str | None = Field(description="the machine it runs or ran on")
    started_at: Moment | None
    ended_at: Moment | None


class RunStatusOut(RunOut):
    progress: ProgressOfOneOut
    jobs: list[JobOfRunOut]


class LabelsOut(Out):
    run_id: Id
    labels: list[str] = Field(description="in the order of the alphabet")


class SlotOut(Out):
    slot_at: Moment
    status: SlotState
    run_id: Id | None
    run_status: RunState | None = Field(description="null where there is no run, or it was removed")
    tries: int
    error: str


class ScheduleOut(Out):
    name: str
    dataset: str | None
    signals: bool = Field(description="it asks the signal models, and evaluates no dataset")
    when: str
    next_at: Moment = Field(description="in the past if nobody looked at that time")
    overdue: bool
    paused_at: Moment | None
    paused_by: str | None
    last: SlotOut | None
    missed: int
    last_missed_at: Moment | None
    catch_up: Missed = Field(description="of what was due while no worker was running")


class ScheduleListOut(Out):
    items: list[ScheduleOut]


class FollowedOut(ProgressOfOneOut):
    """The data of a server-sent event `progress`."""

    status: RunState


class EventOut(Out):
    """The data of every other server-sent event: the same as on the stream `ml:run-events`."""

    event_id: Id
    event_type: EventType
    event_version: Literal[1]
    occurred_at: Moment
    run_id: Id
    payload: dict[str, Any]


#: The data of the event stream. FastAPI does not know these schemas, so the OpenAPI document adds them.
STREAMED = (FollowedOut, EventOut)
