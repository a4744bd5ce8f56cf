"""An `EnsembleService` that asks workers: each model answers in a job of its own, as in a run of signals."""

from collections.abc import Mapping
from dataclasses import dataclass

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.signal import SignalOrder
from bakeoff.evaluation.signals.signal_run_plan import plan_of_order
from bakeoff.inference.ask_signal_models import ModelAnswers
from bakeoff.inference.ensemble_service import EnsembleService
from bakeoff.operations.context import Context
from bakeoff.operations.signals.start_signals import log_warnings, start_planned_signals
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.database import schema_version
from bakeoff.store.signals import stored_answers_of_signal_models
from tasks import celery, enqueue


def service(*, timeout_s: float | None = None, context: Context | None = None) -> EnsembleService:
    """`timeout_s`: how long to wait for workers, at most. `context`: that of another project."""
    context = context or celery.process_context()
    return EnsembleService(
        context.catalog(), source=JobAnswers(context=context, timeout_s=timeout_s), engine=context.engine
    )


@dataclass(frozen=True, kw_only=True)
class JobAnswers:
    """Gets answers from jobs on workers. TimeoutError says why no job is running; the run goes on."""

    context: Context
    timeout_s: float | None = None

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> ModelAnswers:
        engine, run_id = self.context.engine, new_id()
        schema_version.ensure(engine)
        plan = plan_of_order(order, tuple(models.values()), self.context.configuration)
        log_warnings(plan, run_id)
        start_planned_signals(self.context, plan, run_id=run_id)
        enqueue.wait(run_id, timeout_s=self.timeout_s, context=self.context)
        return ModelAnswers(
            answers=stored_answers_of_signal_models.answers_of_run(engine, run_rows.get(engine, run_id)),
            failed={
                job.candidate.id: job.error.message if job.error else str(job.state)
                for job in job_queries.of_run(engine, run_id)
                if job.state is not JobState.COMPLETED
            },
            is_stored=True,
        )
