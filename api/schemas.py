"""What goes out, in the OpenAPI document and on the wire.

The records themselves are made where the words are (`to_record`); what does not fit these shapes is a fault.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from domain.candidate import CandidateKind, Learns
from domain.dataset import TargetKind
from domain.event import EventType
from domain.job import JobState, Phase
from domain.model_version import Stage
from domain.run import RunState
from domain.saving import SavePolicy
from domain.scoring import Average
from tasks.examination.finding import Level

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

Id = Annotated[str, Field(pattern=_UUID, json_schema_extra={"format": "uuid"}), AfterValidator(str.lower)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Out(BaseModel):
    """Every key is always there."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        json_schema_serialization_defaults_required=True,
    )


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
    counts: dict[JobState, int] = Field(description="jobs in each state; every state is there")
    done: int = Field(description="jobs that have ended, however")
    total: int


class ProgressOfOneOut(ProgressOut):
    eta_seconds: float | None = Field(description="at the pace so far; null as long as there is none")


class RunOut(Out):
    run_id: Id
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
    metrics: list[str] = Field(description="the first one ranks")
    positive_label: str | None
    threshold: float | None
    average: Average | None
    zero_division: float | None = Field(description="null means NaN")
    seed: int
    test_size: float
    baseline_id: str | None
    priority: int
    save: SavePolicy = Field(description="models that it saves")
    save_as: str | None = Field(description="what they are called in the registry")
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


#: What goes over the stream, which FastAPI knows nothing of.
STREAMED = (FollowedOut, EventOut)


class CandidateOut(Out):
    model_id: str
    model_version: str
    kind: CandidateKind
    learns: Learns | None
    path: str | None
    steps: list[str]
    description: str
    tags: list[str]


class RejectionOut(Out):
    model_id: str
    model_version: str
    path: str
    cause: str
    fix: str
    traceback: str = Field(description="in the code of the candidate")


class CatalogOut(Out):
    candidates: list[CandidateOut] = Field(description="enabled and healthy: those that can take part")
    disabled: list[CandidateOut]
    rejected: list[RejectionOut]


class RejectedLoadOut(RejectionOut):
    rejected_at: Moment


class ModelOut(Out):
    candidate: CandidateOut | None = Field(description="null while it is rejected, or no longer named")
    enabled: bool = Field(description="whether it takes part")
    rejections: list[RejectedLoadOut] = Field(description="the last hundred, newest first")


class ModelVersionOut(Out):
    model_id: int | str = Field(description="as the backend names it")
    model_name: str
    model_type: str
    version: str
    serial: int = Field(description="its place among all versions ever saved under the name, from 1")
    uri: str
    stage: Stage
    aliases: list[str]
    metrics: dict[str, float | None]
    hyperparameters: dict[str, Any]
    tags: dict[str, str]
    metadata: dict[str, Any]
    description: str | None
    created_at: Moment
    file_path: str
    digest: str = Field(description="SHA-256 of the file")
    size_bytes: int
    libraries: dict[str, str] = Field(description="versions it was saved under")
    signature: dict[str, Any] | None
    feature_names: list[str] | None
    has_preprocessor: bool
    has_input_example: bool
    run_id: str | None
    evaluation_id: str | None
    candidate_id: str | None
    dataset_id: str | None = Field(description="only metrics on the same snapshot compare")
    split_id: str | None


class ModelVersionPageOut(Out):
    items: list[ModelVersionOut]
    next_cursor: str | None = Field(description="the `cursor` of the next page; null: this is the last")


class PromotionOut(Out):
    model_name: str
    version: str
    from_stage: Stage
    to_stage: Stage
    at: Moment
    by: str
    reason: str
    replaced: str | None = Field(description="the version that was in Production before")
    evidence: dict[str, Any] = Field(description="run, metrics, gates, hooks")


class HistoryOut(Out):
    items: list[PromotionOut] = Field(description="newest first")


class DatasetOut(Out):
    name: str
    source: str
    from_: str | None = Field(alias="from", description="file, URL without password, toy set or function")
    target: str | None = Field(description="null: the source knows its own")
    task: str | None = Field(description="null: told by its values")


class DatasetsOut(Out):
    items: list[DatasetOut]


class FindingOut(Out):
    subject: str
    level: Level
    message: str
    cure: str


class QueueOut(Out):
    name: str
    waiting: int | None = Field(description="messages")
    readers: list[str] = Field(description="workers")


class BrokerOut(Out):
    reachable: bool
    problem: str | None


class DatabaseOut(Out):
    reachable: bool
    problem: str | None


class BacklogOut(Out):
    queued: int
    running: int
    silent: int = Field(description="running jobs whose worker fell silent")


class ReadyModelOut(Out):
    model_id: str
    model_version: str


class RejectedModelOut(ReadyModelOut):
    cause: str
    fix: str


class HealthOut(Out):
    live: bool
    ready: bool = Field(description="whether runs can be started and looked at")
    version: str
    models: list[ReadyModelOut]
    rejected: list[RejectedModelOut]
    broker: BrokerOut
    database: DatabaseOut
    workers: list[str]
    queues: list[QueueOut]
    unread_queues: list[str] = Field(description="queues that no worker reads")
    jobs: BacklogOut | None = Field(description="null: the database has not told")
    oldest_queued_seconds: float | None = Field(description="age of the oldest queued job; null: none waits")
    findings: list[FindingOut] = Field(description="what `bakeoff doctor` says of broker and database")


class LiveOut(Out):
    live: bool


class ReadyOut(Out):
    ready: bool
