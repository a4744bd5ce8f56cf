"""The state of the service."""

from pydantic import Field

from bakeoff.api.schemas.schema_base import Out
from bakeoff.operations.doctor.diagnosis_levels import DiagnosisLevel


class DiagnosisOut(Out):
    subject: str
    level: DiagnosisLevel
    message: str
    cure: str


class QueueOut(Out):
    name: str
    waiting: int | None = Field(description="number of messages")
    readers: list[str] = Field(description="workers that read it")


class BrokerOut(Out):
    reachable: bool
    problem: str | None


class DatabaseOut(Out):
    reachable: bool
    problem: str | None


class BacklogOut(Out):
    queued: int
    running: int
    silent: int = Field(description="running jobs whose worker no longer responds")


class ReadyModelOut(Out):
    model_id: str
    model_version: str


class RejectedModelOut(ReadyModelOut):
    cause: str
    fix: str


class HealthOut(Out):
    live: bool
    ready: bool = Field(description="whether runs can be started and read")
    version: str
    models: list[ReadyModelOut]
    rejected: list[RejectedModelOut]
    broker: BrokerOut
    database: DatabaseOut
    workers: list[str]
    queues: list[QueueOut]
    unread_queues: list[str] = Field(description="queues that no worker reads")
    jobs: BacklogOut | None = Field(description="null: the database has not answered")
    oldest_queued_seconds: float | None = Field(description="age of the oldest queued job; null: none waits")
    findings: list[DiagnosisOut] = Field(
        description="the findings of `bakeoff doctor` on broker and database"
    )


class LiveOut(Out):
    live: bool


class ReadyOut(Out):
    ready: bool
