"""Start a run that generates signals. It is followed like any other run."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from bakeoff.api import idempotent_start
from bakeoff.api.dependencies import AnAdmin, TheService, json_only
from bakeoff.api.problem_details import documented
from bakeoff.api.routes.evaluation_routes import LINKS, PATH, Key
from bakeoff.api.run_records import started
from bakeoff.api.schemas.run_schemas import StartedOut
from bakeoff.evaluation.signals.signal_run_plan import SignalBody

router = APIRouter(prefix="/api/signals", tags=["signals"])


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
