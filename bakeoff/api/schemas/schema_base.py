"""The base of all response schemas, and what several of them show: ids, times, findings.

The records come from `to_record` of the domain classes. A record that does not fit its schema is a bug (500).
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bakeoff.domain.finding import Severity

UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _in_lower_case(text: str) -> str:
    """Not `str.lower`: to find its parameters, Python copies the list of all modules, for each field."""
    return text.lower()


Id = Annotated[
    str, Field(pattern=UUID_PATTERN, json_schema_extra={"format": "uuid"}), AfterValidator(_in_lower_case)
]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Out(BaseModel):
    """Base class. Every key is always present in the response."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        json_schema_serialization_defaults_required=True,
    )


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
