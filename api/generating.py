"""Having signals generated: a run of signals, which is followed like any other run."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from api import starting
from api.evaluations import LINKS, PATH, Key
from api.problems import documented
from api.records import started
from api.requests import json_only
from api.schemas.runs import StartedOut
from api.service import AnAdmin, TheService
from evaluation.signals.request import SignalBody

router = APIRouter(prefix="/api/signals", tags=["signals"])


@router.post(
    "/ensemble/generate",
    status_code=202,
    response_model=StartedOut,
    responses={**LINKS, **documented(400, 403, 413, 415)},
    dependencies=[Depends(json_only)],
)
async def generate_signals(
    body: SignalBody, response: Response, service: TheService, principal: AnAdmin, key: Key = None
) -> dict[str, Any]:
    """A job for each signal model. The run is under `/api/ml/evaluations`; when it has ended, so is its
    ensemble under `/api/signals/ensemble`.

    `symbols`: null means all that there are. `asOf`: null means the last day of which there are prices.
    """
    status = await service.start(starting.generate, body, key=key, principal=principal)
    response.headers["Location"] = f"{PATH}/{status.run.id}"
    return started(status)
