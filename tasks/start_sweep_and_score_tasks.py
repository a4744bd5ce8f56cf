"""The short tasks, on the queue `control`: what beat sends, and what other services call by name.

Other services send the keys of the HTTP body as `kwargs`, and a `runId` of their choice. A request without
one has the id of its message, so that it is one run however often the message is delivered.
"""

import logging
from collections.abc import Mapping
from typing import Any

from celery import Task, shared_task

from bakeoff.domain.errors import BakeoffError, InvalidInputError
from bakeoff.domain.ids_and_times import parse_id
from bakeoff.domain.wording import counted, quoted
from bakeoff.settings import log_setup
from tasks import celery

log = logging.getLogger(__name__)


@shared_task(name="bakeoff.start_run", bind=True, throws=(BakeoffError,))
def start_run_task(self: Task, /, *args: Any, **payload: Any) -> str:
    from bakeoff.evaluation.planning.declared_run_options import RunRequest
    from bakeoff.operations.runs.client_rights_check import check_run_request
    from bakeoff.operations.runs.start_run import start_run

    log_setup.set_ids(runId=payload.get("runId"))
    try:
        _refuse_args(args, "a request for a run is")
        context, request = celery.process_context(), RunRequest.parse(_with_run_id(payload, self))
        settings = context.configuration.settings
        check_run_request(request, settings, settings.celery_clients_may)
        return start_run(context, request)
    except BakeoffError as exc:
        _log_failed_request(exc)
        raise


@shared_task(name="bakeoff.generate_signals", bind=True, throws=(BakeoffError,))
def generate_signals_task(self: Task, /, *args: Any, **payload: Any) -> str:
    from bakeoff.evaluation.signals.signal_run_plan import SignalRequest
    from bakeoff.operations.runs.client_rights_check import check_signal_request
    from bakeoff.operations.signals.start_signals import start_signals

    log_setup.set_ids(runId=payload.get("runId"))
    try:
        _refuse_args(args, "a request for a run is")
        context, request = celery.process_context(), SignalRequest.parse(_with_run_id(payload, self))
        check_signal_request(request, context.configuration.settings.celery_clients_may)
        return start_signals(context, request)
    except BakeoffError as exc:
        _log_failed_request(exc)
        raise


def _with_run_id(payload: Mapping[str, Any], task: Task) -> Mapping[str, Any]:
    if payload.get("runId") is not None:
        return payload
    try:
        return {**payload, "runId": parse_id(task.request.id)}
    except InvalidInputError:  # the client chose an id that is no UUID: then the run has one of its own
        return {**payload, "runId": None}


def _log_failed_request(exc: BakeoffError) -> None:
    from bakeoff.evaluation.planning.errors_in_request_words import in_request_words

    log.warning("a request for a run failed, and there is no run: %s", in_request_words(str(exc)))


def _refuse_args(args: tuple[Any, ...], what: str) -> None:
    if args:
        raise InvalidInputError(f"{what} given by name, as `kwargs`, and not as `args`")


@shared_task(name="bakeoff.sweep", throws=(BakeoffError,))
def sweep_task() -> str:
    from bakeoff.operations.doorbells import sweep

    log_setup.set_ids()
    swept = sweep(celery.process_context())
    return f"{swept.expired} leases expired, {swept.rung} doorbells rung, {swept.published} events published"


@shared_task(name="bakeoff.retrain", throws=(BakeoffError,))
def retrain_task() -> str:
    from bakeoff.operations.runs.scheduled_runs import start_due_runs

    log_setup.set_ids()
    return f"{counted(start_due_runs(celery.process_context()), 'scheduled run')} started"


@shared_task(name="bakeoff.score", throws=(BakeoffError,))
def score_task(*args: Any, model: str | None = None, **others: Any) -> str:
    """Scores stored results; without a model, by the baseline."""
    from bakeoff.inference.item_scores_from_model import BASELINE
    from bakeoff.operations.score_stored_feedback import score_stored, scorer

    log_setup.set_ids()
    context = celery.process_context()
    try:
        _refuse_args(args, "a model is")
        if others:
            raise InvalidInputError(
                f"{quoted(min(others))} is no key of a request for scores: there is 'model'"
            )
        done = score_stored(context, scorer(context, model))
    except BakeoffError as exc:
        log.warning("nothing more is scored by %s: %s", model or BASELINE, exc)
        raise
    if done.refused:
        log.warning(
            "%d results cannot be scored by %s, such as: %s", done.refused, done.version, done.reasons
        )
    return f"{counted(done.scored, 'result')} scored by {done.version}, {done.refused} refused"
