"""Starting runs of signals. As for bake-offs, all rows are in one transaction, before any doorbell."""

import logging
from collections.abc import Callable
from datetime import date

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.ensemble import combine
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.ids_and_times import new_id, parse_id, utc_now
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.signal import EnsembleSignal
from bakeoff.evaluation.signals import signal_cell
from bakeoff.evaluation.signals.signal_inputs_and_fingerprint import SEED
from bakeoff.evaluation.signals.signal_run_plan import SignalPlan, SignalRequest, make_signal_plan
from bakeoff.operations import doorbells
from bakeoff.operations.context import Context
from bakeoff.operations.runs.start_run import job_of, write_run
from bakeoff.operations.signals.signal_model_cells import prepared_inputs
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.database import schema_version
from registry.code.call_signal_model import artefact_version_of, sell_remark

log = logging.getLogger(__name__)

#: The metrics of a signal model: symbols that it has a signal for, and those whose signal was known before.
COUNTED = ScoringRules(metrics=("signals", "known"))


def start_signals(context: Context, request: SignalRequest, *, digest: str | None = None) -> str:
    """Returns the id of the run, like `start_run.start_run`."""
    schema_version.ensure(context.engine)
    run_id = parse_id(request.run_id) if request.run_id else new_id()
    if not run_rows.exists(context.engine, run_id):
        plan = plan_signals(context, request)
        log_warnings(plan, run_id)
        start_planned_signals(context, plan, run_id=run_id, name=request.name, digest=digest)
    return run_id


def plan_signals(context: Context, request: SignalRequest) -> SignalPlan:
    return make_signal_plan(request, catalog=context.catalog, configuration=context.configuration)


def log_warnings(plan: SignalPlan, run_id: str) -> None:
    """Logs the warnings of a run that no person has started on a terminal."""
    with log_setup.with_ids(runId=run_id):
        for warning in plan.warnings:
            log.warning("%s", warning)


def start_planned_signals(
    context: Context, plan: SignalPlan, *, run_id: str, name: str | None = None, digest: str | None = None
) -> None:
    run = signal_run_of(plan, run_id=run_id, name=name, digest=digest)
    jobs = [
        job_of(context, run, model, position, plan.inputs[model.id])
        for position, model in enumerate(plan.models)
    ]
    if write_run(context, run, jobs):
        doorbells.ring_next(context)


def signal_run_of(plan: SignalPlan, *, run_id: str, name: str | None, digest: str | None = None) -> Run:
    return Run(
        id=run_id,
        name=name or f"signals-{plan.order.as_of}-{run_id[:8]}",
        state=RunState.QUEUED,
        dataset=plan.dataset,
        rules=COUNTED,
        seed=SEED,
        test_size=0.0,
        signals=plan.order,
        request_digest=digest,
        priority=plan.priority,
        created_at=utc_now(),
    )


def signals_in_process(
    context: Context, plan: SignalPlan, *, on_model: Callable[[str], None]
) -> tuple[EnsembleSignal, ...]:
    """The models answer in this process, one after another; exceptions of a model are raised here.

    `on_model` is called with the id of each model before it is asked.
    """
    order, answers = plan.order, {}
    for model in plan.models:
        on_model(model.id)
        signal_inputs = plan.inputs[model.id]
        if signal_inputs.obstacle:
            raise NotFoundError(f"{signal_inputs.obstacle}: {how_to_train(model, order.as_of)}")
        with prepared_inputs(
            context, model, signal_inputs.artefacts, dataset=plan.dataset, as_of=order.as_of
        ) as inputs:
            found = signal_cell.answers_in_process(inputs, order.symbols)
        if (remark := sell_remark(model, found)) is not None:
            log.warning("signal model %s: %s", model.id, "; ".join(remark))
        answers[model.id] = found
    return combine(answers, as_of=order.as_of, weights=order.weights, rules=order.rules)


def how_to_train(model: Candidate, as_of: date | None) -> str:
    """The cure, if a model needs saved models that are missing, or that learned too late.

    `as_of` is None where any day will do. Training makes a new version, which does not help where the catalog
    names one.
    """
    pinned = artefact_version_of(model)
    if pinned is not None:
        return (
            f"name a version that is there in its entry of the catalog, or take `artefact_version: {pinned}` "
            "out of it"
        )
    by_then = "" if as_of is None else f" --as-of {as_of}"
    return f"`bakeoff signals train {model.id}{by_then}` trains and saves them"
