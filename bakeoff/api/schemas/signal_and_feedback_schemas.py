"""The signals of the ensemble; results of other systems, their scores and their labels."""

from typing import Annotated

from pydantic import Field

from bakeoff.api.schemas.schema_base import Id, Moment, Out
from bakeoff.domain.scored_and_labelled_item import Value
from bakeoff.domain.signal import SignalType

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


class EnsembleSignalOut(Out):
    symbol: str
    as_of: Day
    signal: SignalType
    ensemble_score: float = Field(description="sum of weight times confidence")
    confidence: float = Field(description="equals the score")
    expected_return: float = Field(description="sum of weight times the expected return of each model")
    model_signals: dict[str, SignalType] = Field(description="by model")
    model_confidences: dict[str, float] = Field(description="by model")
    conflict: bool = Field(description="one model would buy, and one would sell")
    conflict_reason: str | None = Field(description="such as `model_a=BUY, model_b=SELL`")
    signals_agree: bool = Field(description="all models give the same of the five signals")
    rank: int = Field(description="1 is the best of that date, by score times expected return")
    models_contributing: list[str]
    run_id: Id | None = Field(description="the run that generated it; null: a process without a run")
    generated_at: Moment


class EnsemblePageOut(Out):
    as_of: Day | None = Field(description="the requested date, or the newest; null: there are no signals")
    items: list[EnsembleSignalOut]
    next_cursor: str | None = Field(description="the `cursor` of the next page; null: this is the last")


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
