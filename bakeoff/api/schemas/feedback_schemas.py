"""Results of other systems, their scores, and what is said of them."""

from pydantic import Field

from bakeoff.api.schemas.schema_base import Moment, Out
from bakeoff.domain.feedback import Value


class IntakeOut(Out):
    received: int
    new: int
    changed: int = Field(description="known already, and not as they were")
    unchanged: int


class ScoredIntakeOut(IntakeOut):
    score_version: str = Field(description="what scored those that are not as they were")


class ItemOut(Out):
    id: str
    features: dict[str, Value | None]
    received_at: Moment = Field(description="with these features")
    relevance_score: float | None = Field(description="from -1 to 1")
    score_version: str | None = Field(description="what gave it: the URI of a model version, or `baseline`")
    scored_at: Moment | None


class ItemPageOut(Out):
    items: list[ItemOut]
    next_cursor: str | None = Field(description="the `cursor` of the next page; null: this is the last")


class LabelOut(Out):
    result_id: str
    label: Value
    by: str
    at: Moment


class LabelPageOut(Out):
    items: list[LabelOut]
    next_cursor: str | None = Field(description="the `cursor` of the next page; null: this is the last")
