"""A cell for a command, in an oven of its own, without a worker and without a job."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.evaluation.signals.signal_cell import SignalCellInputs
from bakeoff.operations.capacity import grant_for
from bakeoff.operations.context import Context
from bakeoff.operations.own_oven import run_in_own_oven


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
    outcome = run_in_own_oven(context, order)
    if outcome.end is not End.RETURNED:
        raise OneOffCellFailedError(_in_words(inputs.candidate, outcome))
    return outcome.value


def _in_words(candidate: Candidate, outcome: CellOutcome) -> str:
    error = outcome.error
    said = f"{error.type}: {error.message}" if error else str(outcome.end)
    hint = f"; {error.hint}" if error and error.hint else ""
    where = [part.rstrip() for part in (error.traceback if error else "", outcome.end_of_log) if part]
    return "\n".join([f"{candidate.id} failed in {outcome.phase}: {said}{hint}", *where])
