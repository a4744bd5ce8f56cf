"""What other services ask for by the name of a task: what HTTP takes, and `runId`, which they chose."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery import shared_task

from bakeoff.domain.errors import BakeoffError, InvalidInputError
from bakeoff.settings import log_setup

log = logging.getLogger(__name__)


@shared_task(name="bakeoff.start_run", throws=(BakeoffError,))
def start_run_task(*nameless: Any, **payload: Any) -> str:
    return _answer(nameless, payload, _start_run)


@shared_task(name="bakeoff.generate_signals", throws=(BakeoffError,))
def generate_signals_task(*nameless: Any, **payload: Any) -> str:
    return _answer(nameless, payload, _generate_signals)


def _answer(
    nameless: tuple[Any, ...], payload: Mapping[str, Any], start: Callable[[Mapping[str, Any]], str]
) -> str:
    log_setup.begin(runId=payload.get("runId"))
    try:
        if nameless:
            raise InvalidInputError("a request for a run is given by name, as `kwargs`, and not as `args`")
        return start(payload)
    except BakeoffError as exc:
        log.warning("a request for a run failed, and there is no run: %s", exc)
        raise


def _start_run(payload: Mapping[str, Any]) -> str:
    from bakeoff.evaluation.planning.run_plan import RunRequest
    from tasks.enqueue import start_run

    return start_run(RunRequest.parse(payload))


def _generate_signals(payload: Mapping[str, Any]) -> str:
    from bakeoff.evaluation.signals.signal_run_plan import SignalRequest
    from tasks.signal_runs import start_signals

    return start_signals(SignalRequest.parse(payload))
