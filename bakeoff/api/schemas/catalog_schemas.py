"""Candidates and datasets."""

from pydantic import Field

from bakeoff.api.schemas.schema_base import FindingOut, Moment, Out
from bakeoff.domain.candidate import CandidateKind, Learns
from bakeoff.domain.signal import Strategy


class ChecksOut(Out):
    checked_at: Moment
    run: int
    passed: int
    failed: int
    skipped: int
    failed_checks: list[str] = Field(description="the slugs of the conformance kit that failed")


class CandidateOut(Out):
    model_id: str
    model_version: str
    kind: CandidateKind
    learns: Learns | None
    path: str | None
    steps: list[str]
    description: str
    family: str | None = Field(description="the entry whose grid it is a member of")
    tuned: list[str] = Field([], description="parameters that it chooses itself, by its `tune`")
    tags: list[str]
    checks: ChecksOut | None = Field(
        None, description="of the conformance kit; null: its code was not checked as it is now"
    )


class RejectionOut(Out):
    model_id: str
    model_version: str
    path: str
    cause: str
    fix: str
    traceback: str = Field(description="of the error in the code of the candidate")


class EnsembleOut(Out):
    conflict_strategy: Strategy
    min_agreement: float
    min_confidence: float
    flag_conflicts: bool
    weights: dict[str, float] = Field(description="of the signal models that are ready; they add up to 1")


class CatalogOut(Out):
    candidates: list[CandidateOut] = Field(
        description="enabled and loadable: candidates that can take part, and signal models that are ready"
    )
    disabled: list[CandidateOut]
    rejected: list[RejectionOut]
    ensemble: EnsembleOut


class RejectedLoadOut(RejectionOut):
    rejected_at: Moment


class ModelOut(Out):
    candidate: CandidateOut | None = Field(
        description="null while it is rejected, or no longer in the catalog"
    )
    enabled: bool = Field(description="whether it takes part")
    rejections: list[RejectedLoadOut] = Field(description="the last hundred, newest first")


class DatasetOut(Out):
    name: str
    source: str
    from_: str | None = Field(alias="from", description="file, URL without password, toy set or function")
    target: str | None = Field(description="null: the source defines it")
    task: str | None = Field(description="null: inferred from the values of the target")
    findings: list[FindingOut] | None = Field(description="on the data of its newest run; null: none")


class DatasetsOut(Out):
    items: list[DatasetOut]
