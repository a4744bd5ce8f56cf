"""The producer of runs of signals: as for bake-offs, all is written in one transaction, then it is rung."""

import logging
from collections.abc import Callable

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.ensemble import combine
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.identity import new_id, parse_id, utc_now
from bakeoff.domain.metric import ScoringRules
from bakeoff.domain.run import Run, RunState
from bakeoff.domain.signal import EnsembleSignal, ModelOutput
from bakeoff.evaluation.signals import signal_cell
from bakeoff.evaluation.signals.signal_job_inputs import SEED
from bakeoff.evaluation.signals.signal_run_plan import SignalPlan, SignalRequest, make_signal_plan
from bakeoff.operations import process_context
from bakeoff.operations.signal_inputs import a_desk
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.database import schema_version
from tasks import enqueue

log = logging.getLogger(__name__)

#: What is counted of each model: symbols that it has an opinion on, and what was known without asking.
COUNTED = ScoringRules(metrics=("signals", "known"))


def start_signals(request: SignalRequest, *, digest: str | None = None) -> str:
    """The id of the run, as `enqueue.start_run`."""
    engine = process_context.engine()
    schema_version.ensure(engine)
    run_id = parse_id(request.run_id) if request.run_id else new_id()
    if not run_rows.exists(engine, run_id):
        plan = plan_of(request)
        note(plan, run_id)
        submit(plan, run_id=run_id, name=request.name, digest=digest)
    return run_id


def note(plan: SignalPlan, run_id: str) -> None:
    """For a run that nobody watches begin: what is odd about it stands in the log."""
    with log_setup.about(runId=run_id):
        for warning in plan.warnings:
            log.warning("%s", warning)


def plan_of(request: SignalRequest) -> SignalPlan:
    return make_signal_plan(
        request, catalog=process_context.catalog, configuration=process_context.configuration()
    )


def submit(plan: SignalPlan, *, run_id: str, name: str | None = None, digest: str | None = None) -> Run:
    run = run_of(plan, run_id=run_id, name=name, digest=digest)
    jobs = [
        enqueue.job_of(run, model, position, plan.commissions[model.id])
        for position, model in enumerate(plan.models)
    ]
    enqueue.create(run, jobs)
    return run


def run_of(plan: SignalPlan, *, run_id: str, name: str | None, digest: str | None = None) -> Run:
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


def rehearse(plan: SignalPlan, *, tell: Callable[[str], None]) -> tuple[EnsembleSignal, ...]:
    """In this process, one model after another: what one raises, rises. `tell` hears whose turn it is."""
    answers = {model.id: _rehearse_one(plan, model, tell) for model in plan.models}
    order = plan.order
    return combine(answers, as_of=order.as_of, weights=order.weights, rules=order.rules)


def _rehearse_one(plan: SignalPlan, model: Candidate, tell: Callable[[str], None]) -> tuple[ModelOutput, ...]:
    tell(model.id)
    commission, order = plan.commissions[model.id], plan.order
    if commission.obstacle:
        raise NotFoundError(f"{commission.obstacle}: {cure_of(model)}")
    with a_desk(model, commission.artefacts, dataset=plan.dataset, as_of=order.as_of) as desk:
        return signal_cell.answers_in_process(desk, order.symbols)


def cure_of(model: Candidate) -> str:
    """Where it works with saved models, and they are not there."""
    return f"`bakeoff signals train {model.id}` trains and saves them"
