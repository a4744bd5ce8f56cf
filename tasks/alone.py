"""A cell for a command: of an oven of its own, without a worker and without a job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cell.client import connect
from cell.order import Order
from cell.outcome import End, Outcome
from cell.oven import Oven
from domain.candidate import Candidate
from domain.errors import BakeoffError
from evaluation.signals.asking import Desk
from registry.surroundings import import_path
from tasks import broker, wiring
from tasks.work import grant_for

_START_S = 60
_PRELOADED = ("config.journal:set_up_for_strangers", "numpy", "pandas", "evaluation.trial:warm_up")


class FailedAloneError(BakeoffError):
    """The cell of a command did not come to an answer."""


def run_alone(desk: Desk, entry: str, *, outputs: Mapping[str, Path], **payload: Any) -> Any:
    """What the entry returned. FailedAloneError says what it was instead."""
    settings = wiring.configuration().settings
    order = desk.order(
        entry,
        grant=grant_for(desk.candidate),
        wall_s=desk.candidate.timeout_s or settings.evaluation_timeout,
        outputs=outputs,
        **payload,
    )
    outcome = _run(order)
    if outcome.end is not End.RETURNED:
        raise FailedAloneError(_in_words(desk.candidate, outcome))
    return outcome.value


def _run(order: Order) -> Outcome:
    configuration = wiring.configuration()
    with (
        Oven.start(
            preload=_PRELOADED,
            import_path=import_path(configuration.root),
            closed=configuration.secrets,
            hidden=broker.sockets(),
        ) as oven,
        connect(oven.socket, timeout_s=_START_S) as warm,
    ):
        return warm.run(order)


def _in_words(candidate: Candidate, outcome: Outcome) -> str:
    error = outcome.error
    said = f"{error.type}: {error.message}" if error else str(outcome.end)
    hint = f"; {error.hint}" if error and error.hint else ""
    where = [part.rstrip() for part in (error.traceback if error else "", outcome.last_words) if part]
    return "\n".join([f"{candidate.id} failed in {outcome.phase}: {said}{hint}", *where])
