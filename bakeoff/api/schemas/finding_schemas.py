"""A finding on data or results, as responses show it."""

from pydantic import Field

from bakeoff.api.schemas.schema_base import Out
from bakeoff.domain.finding import Severity


class FindingOut(Out):
    slug: str = Field(description="which check saw it")
    severity: Severity = Field(description="how much it says against the scores")
    message: str = Field(description="what was seen, with its figures")
    cure: str = Field(description="what answers it; empty where nothing does")
    columns: list[str]
    rows: int | None = Field(description="how many rows it concerns; null: it is not about certain rows")
    examples: list[int] = Field(description="a few of these rows, counted from 0 as in the dataset")
    candidates: list[str] = Field(description="whose results it concerns; empty: those of all")
    accepted: str | None = Field(description="the reason that the dataset's `accept` gives; null: it is open")
