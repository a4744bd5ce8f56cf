"""`inference.EnsembleService` on workers: each model is asked in a job of its own, as anybody's run does."""

from collections.abc import Mapping
from dataclasses import dataclass

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.identity import new_id
from bakeoff.domain.job import JobState
from bakeoff.domain.signal import SignalOrder
from bakeoff.evaluation.signals.signal_run_plan import plan_of_order
from bakeoff.inference.ask_models import Said
from bakeoff.inference.ensemble_service import EnsembleService
from bakeoff.operations import process_context
from bakeoff.store.bakeoffs import job_rows, run_rows
from bakeoff.store.database import schema_version
from bakeoff.store.signals import model_signals
from tasks import enqueue
from tasks.signal_runs import note, submit


def service(*, timeout_s: float | None = None) -> EnsembleService:
    """Of the project that this process is wired to. `timeout_s`: how long to wait for workers, at most."""
    return EnsembleService(
        process_context.catalog(), ask=ByJobs(timeout_s=timeout_s), engine=process_context.engine()
    )


@dataclass(frozen=True, kw_only=True)
class ByJobs:
    """A way to ask. TimeoutError says why nothing runs; the run goes on nevertheless."""

    timeout_s: float | None = None

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> Said:
        engine, run_id = process_context.engine(), new_id()
        schema_version.ensure(engine)
        plan = plan_of_order(order, tuple(models.values()), process_context.configuration())
        note(plan, run_id)
        submit(plan, run_id=run_id)
        enqueue.wait(run_id, timeout_s=self.timeout_s)
        return Said(
            answers=model_signals.answers_of_run(engine, run_rows.get(engine, run_id)),
            failed={
                job.candidate.id: job.error.message if job.error else str(job.state)
                for job in job_rows.of_run(engine, run_id)
                if job.state is not JobState.COMPLETED
            },
            is_kept=True,
        )
