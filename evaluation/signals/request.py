"""What is asked of signal models: of whom, for which symbols, as of which date."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field

from domain.run import PRIORITIES
from domain.signal import LONGEST_SYMBOL
from evaluation.requests import PRINTABLE, Body, parse

_Symbol = Annotated[str, Field(min_length=1, max_length=LONGEST_SYMBOL, pattern=PRINTABLE)]
_MOST_SYMBOLS = 5_000  #: named one by one, which fit into the body of a request; all there are may be more


def _no_number(value: Any) -> Any:
    """Pydantic would take it for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("a day is expected, such as 2025-06-30")  # noqa: TRY004 - what pydantic understands
    return value


_Day = Annotated[date, BeforeValidator(_no_number), Field(strict=False)]


class SignalBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"symbols": ["S0001", "S0002"], "asOf": "2025-06-30"}]}
    )

    symbols: list[_Symbol] | None = Field(None, min_length=1, max_length=_MOST_SYMBOLS)  #: None means all
    as_of: _Day | None = None  #: None means the last day of which there are prices
    models: list[str] | None = Field(None, min_length=1)  #: ids from the catalog; None: all that are enabled
    fresh: bool = False  #: ask again, whatever is known
    persist: bool = True  #: keep the ensemble
    priority: int = Field(0, ge=min(PRIORITIES), le=max(PRIORITIES))  #: jobs of a higher one go first
    name: str | None = Field(None, max_length=200, pattern=PRINTABLE)


class SignalRequest(SignalBody):
    run_id: str | None = None  #: chosen by the caller: the same id twice is the same run

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        return parse(cls, body, "request for signals")
