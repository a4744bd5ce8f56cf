"""Results of other systems, their scores and their labels."""

from pydantic import Field

from bakeoff.api.schemas.schema_base import Moment, Out
from bakeoff.domain.feedback_item import Value


class IntakeOut(Out):
    received: int
    new: int
    changed: int = Field(description="stored before with other features")
    unchanged: int


class ScoredIntakeOut(IntakeOut):
    score_version: str = Field(description="the version that scored the new and changed results")


class ItemOut(Out):
    id: str
    features: dict[str, Value | None]
    received_at: Moment = Field(description="when these features were received")
    relevance_score: float | None = Field(description="from -1 to 1")
    score_version: str | None = Field(
        description="the version that scored it: the URI of a model version, or `baseline`"
    )
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
