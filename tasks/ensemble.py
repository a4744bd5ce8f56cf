"""`inference.EnsembleService` on workers: each model is asked in a job of its own, as anybody's run does."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.candidate import Candidate
from domain.identity import new_id
from domain.job import JobState
from domain.signal import SignalOrder
from evaluation.signals.plan import plan_of_order
from inference.asking import Said
from inference.ensemble import EnsembleService
from store import jobs, runs, schema, signals
from tasks import enqueue, wiring
from tasks.signals import note, submit


def service(*, timeout_s: float | None = None) -> EnsembleService:
    """Of the project that this process is wired to. `timeout_s`: how long to wait for workers, at most."""
    return EnsembleService(wiring.catalog(), ask=ByJobs(timeout_s=timeout_s), engine=wiring.engine())


@dataclass(frozen=True, kw_only=True)
class ByJobs:
    """A way to ask. TimeoutError says why nothing runs; the run goes on nevertheless."""

    timeout_s: float | None = None

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> Said:
        engine, run_id = wiring.engine(), new_id()
        schema.ensure(engine)
        plan = plan_of_order(order, tuple(models.values()), wiring.configuration())
        note(plan, run_id)
        submit(plan, run_id=run_id)
        enqueue.wait(run_id, timeout_s=self.timeout_s)
        return Said(
            answers=signals.answers_of_run(engine, runs.get(engine, run_id)),
            failed={
                job.candidate.id: job.error.message if job.error else str(job.state)
                for job in jobs.of_run(engine, run_id)
                if job.state is not JobState.COMPLETED
            },
            is_kept=True,
        )
