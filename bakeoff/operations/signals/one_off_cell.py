"""A cell for a command, in an oven of its own, without a worker and without a job."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bakeoff.cell.host.cell_client import connect
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.cell.oven.oven_handle import Oven
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.evaluation.signals.signal_cell import SignalCellInputs
from bakeoff.operations.capacity import grant_for
from bakeoff.operations.context import Context
from registry.code.import_environment import import_path

_START_S = 60
_PRELOADED = (
    "bakeoff.settings.log_setup:set_up_for_plugins",
    "numpy",
    "pandas",
    "bakeoff.evaluation.jobs.fit_and_predict:warm_up",
)


class OneOffCellFailedError(BakeoffError):
    """The cell of a command ended without an answer."""


def run_one_off_cell(
    context: Context,
    inputs: SignalCellInputs,
    entry: Callable[..., Any],
    *,
    outputs: Mapping[str, Path],
    **payload: Any,
) -> Any:
    """What `entry` returned. OneOffCellFailedError says how the cell ended instead."""
    settings = context.configuration.settings
    order = inputs.order(
        entry,
        grant=grant_for(inputs.candidate, context),
        wall_s=inputs.candidate.timeout_s or settings.evaluation_timeout,
        outputs=outputs,
        **payload,
    )
    outcome = _run(context, order)
    if outcome.end is not End.RETURNED:
        raise OneOffCellFailedError(_in_words(inputs.candidate, outcome))
    return outcome.value


def _run(context: Context, order: Order) -> CellOutcome:
    configuration = context.configuration
    with (
        Oven.start(
            preload=_PRELOADED,
            import_path=import_path(configuration.root),
            closed=configuration.secrets,
            hidden=context.broker.socket_folders(),
        ) as oven,
        connect(oven.socket, timeout_s=_START_S) as warm,
    ):
        return warm.run(order)


def _in_words(candidate: Candidate, outcome: CellOutcome) -> str:
    error = outcome.error
    said = f"{error.type}: {error.message}" if error else str(outcome.end)
    hint = f"; {error.hint}" if error and error.hint else ""
    where = [part.rstrip() for part in (error.traceback if error else "", outcome.end_of_log) if part]
    return "\n".join([f"{candidate.id} failed in {outcome.phase}: {said}{hint}", *where])
