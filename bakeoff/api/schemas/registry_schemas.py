"""Versions of trained models, and the log of their stages."""

from typing import Any

from pydantic import Field

from bakeoff.api.schemas.schema_base import Moment, Out
from bakeoff.domain.model_version import Stage


class ModelVersionOut(Out):
    model_id: int | str = Field(description="as the backend names it")
    model_name: str
    model_type: str
    version: str
    serial: int = Field(description="its number among all versions ever saved under the name, from 1")
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
    libraries: dict[str, str] = Field(description="versions of the libraries when it was saved")
    signature: dict[str, Any] | None
    feature_names: list[str] | None
    has_preprocessor: bool
    has_input_example: bool
    run_id: str | None
    evaluation_id: str | None
    candidate_id: str | None
    dataset_id: str | None = Field(
        description="snapshot of its metrics; only metrics on the same snapshot are comparable"
    )
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
