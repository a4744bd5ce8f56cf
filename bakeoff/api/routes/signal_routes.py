"""Signals of the ensemble: read those that are stored, and start a run that generates new ones."""

import base64
import re
from datetime import date
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bakeoff.api import idempotent_start
from bakeoff.api.handler_services_and_rights import AnAdmin, TheContext, TheService, json_only
from bakeoff.api.paging import Limit, unknown
from bakeoff.api.problem_details import documented
from bakeoff.api.routes.evaluation_routes import LINKS, PATH, Key
from bakeoff.api.run_records import started
from bakeoff.api.schemas.run_response_schemas import StartedOut
from bakeoff.api.schemas.signal_and_feedback_schemas import EnsemblePageOut, EnsembleSignalOut
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.signal import LONGEST_SYMBOL, KeptSignal, SignalType
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE
from bakeoff.evaluation.signals.signal_run_plan import SignalBody
from bakeoff.operations.context import Context
from bakeoff.store.signals import ensemble_signals

router = APIRouter(prefix="/api/signals", tags=["signals"])

_RANKS = range(1, 2**31)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _day(text: Any) -> Any:
    """Checks the form: pydantic would also read a number, as seconds since 1970."""
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError("expected a date such as 2026-11-20")
    return text


_AsOf = Annotated[
    date | None,
    BeforeValidator(_day),
    Query(description="such as 2026-11-20; none: the newest date with signals"),
]
_Symbol = Annotated[str, Path(min_length=1, max_length=LONGEST_SYMBOL, pattern=PRINTABLE)]
_Cursor = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_=-]{1,300}$", description="`nextCursor` of the previous page")
]


class SignalQuery(BaseModel):
    """Which signals to list."""

    model_config = ConfigDict(extra="forbid")

    as_of: _AsOf = None
    signal: SignalType | None = None
    conflict: bool | None = None
    limit: Limit = 50
    cursor: _Cursor | None = None


class _Place(NamedTuple):
    """The signal after which a page begins. It holds the date, since the newest date may have changed."""

    as_of: date
    rank: int

    @classmethod
    def behind(cls, last: KeptSignal) -> "_Place":
        return cls(last.signal.as_of, last.signal.rank)

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        try:
            as_of, rank = base64.urlsafe_b64decode(cursor).decode().split(" ")
            place = cls(date.fromisoformat(as_of), int(rank))
        except ValueError:
            raise unknown() from None
        if place.rank not in _RANKS:
            raise unknown()
        return place

    def cursor(self) -> str:
        return base64.urlsafe_b64encode(f"{self.as_of} {self.rank}".encode()).decode()


@router.get("/ensemble", response_model=EnsemblePageOut)
def list_ensemble_signals(context: TheContext, wanted: Annotated[SignalQuery, Query()]) -> dict[str, Any]:
    """The signals of one date, the best first."""
    after = None if wanted.cursor is None else _Place.read(wanted.cursor)
    if after is not None and wanted.as_of not in {None, after.as_of}:
        raise unknown()
    as_of = after.as_of if after else wanted.as_of or ensemble_signals.latest_date(context.engine)
    found = [] if as_of is None else _page(context, as_of, wanted, after)
    more = len(found) > wanted.limit
    return {
        "asOf": as_of.isoformat() if as_of else None,
        "items": [one.to_record() for one in found[: wanted.limit]],
        "nextCursor": _Place.behind(found[wanted.limit - 1]).cursor() if more else None,
    }


# Before the address of a symbol, which would answer what this one does not.
@router.post(
    "/ensemble/generate",
    status_code=202,
    response_model=StartedOut,
    responses={**LINKS, **documented(400, 403, 413, 415)},
    dependencies=[Depends(json_only)],
)
async def generate_signals(
    body: SignalBody,
    response: Response,
    service: TheService,
    principal: AnAdmin,
    key: Key = None,
) -> dict[str, Any]:
    """Start a run with one job per signal model. Follow it under `/api/ml/evaluations`.

    When it has ended, its ensemble is under `/api/signals/ensemble`.

    `symbols`: null means all symbols. `asOf`: null means the last day with prices.
    """
    status = await service.start(
        idempotent_start.generate, service.context, body, key=key, principal=principal
    )
    response.headers["Location"] = f"{PATH}/{status.run.id}"
    return started(status)


@router.get("/ensemble/{symbol:path}", response_model=EnsembleSignalOut, responses=documented(404))
def read_an_ensemble_signal(context: TheContext, symbol: _Symbol, as_of: _AsOf = None) -> dict[str, Any]:
    """The signal of one symbol."""
    on = as_of or ensemble_signals.latest_date(context.engine, symbol)
    found = None if on is None else ensemble_signals.get(context.engine, symbol, on)
    if found is None:
        when = f" as of {on}" if on else ""
        raise NotFoundError(
            f"there is no signal of {symbol}{when}: a symbol has one if two models or more gave one for it"
        )
    return found.to_record()


def _page(context: Context, as_of: date, wanted: SignalQuery, after: _Place | None) -> list[KeptSignal]:
    return ensemble_signals.page(
        context.engine,
        as_of,
        limit=wanted.limit + 1,
        after=after.rank if after else None,
        signal=wanted.signal,
        conflict=wanted.conflict,
    )
