"""A run that was started from Python: waiting for it, its results as they come, and ending it."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.cli.output.runs.poll_run import IdleReason, poll
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.notebook.progress_display import display_for
from bakeoff.notebook.results.bakeoff_result import BakeoffResult, PlannedCandidate

if TYPE_CHECKING:
    from bakeoff.notebook.call_option_types import OnInterrupt
    from bakeoff.notebook.project_session import ProjectSession
    from bakeoff.operations.context import Context

_PAUSE_S = 0.05
_LOOK_AFTER_WORKER_S = 2.0


@dataclass(frozen=True, kw_only=True)
class CandidateOutcome:
    """What became of one candidate, as soon as it has ended."""

    candidate: str
    state: str  #: completed, failed, timed_out or cancelled
    metrics: Mapping[str, float | None]
    error: str = ""  #: why there are no metrics


class BakeoffRun:
    """A run, perhaps under way. `wait` returns its result."""

    def __init__(
        self,
        session: "ProjectSession",
        run_id: str,
        *,
        plan: tuple[PlannedCandidate, ...] = (),
        progress: bool | None = None,
        on_interrupt: "OnInterrupt" = "cancel",
    ) -> None:
        self._session = session
        self.run_id = run_id
        self.plan = plan  #: which candidates are fitted or reused, and why
        self._progress = progress
        self._on_interrupt = on_interrupt

    def __repr__(self) -> str:
        run = self._run()
        return f"<bakeoff run {run.title}: {run.state}; .wait() returns its result, .cancel() ends it>"

    @property
    def state(self) -> RunState:
        return self._run().state

    @property
    def done(self) -> bool:
        """Whether it has ended; its models may still be saved."""
        return self.state.has_ended

    def wait(self, timeout: float | None = None) -> BakeoffResult:
        """Waits for the end, shows progress, and returns the result. TimeoutError after `timeout` seconds.

        An interrupt cancels the run, or with `on_interrupt="detach"` lets it go on; KeyboardInterrupt is
        raised in either case.
        """
        try:
            self._follow(timeout)
        except KeyboardInterrupt:
            self._interrupted()
            raise
        return self.result()

    def _interrupted(self) -> None:
        if self._on_interrupt == "cancel":
            self.cancel()
            became = "was cancelled"
        else:
            self.detach()
            became = f"goes on: bakeoff.project({str(self._session.configuration.root)!r})"
            became += f".get_run({self.run_id[:8]!r}) finds it"
        sys.stderr.write(f"bakeoff: run {self._run().title} {became}\n")

    def result(self) -> BakeoffResult:
        """What is known now, without waiting."""
        return BakeoffResult.read(self._session, self.run_id, plan=self.plan, progress=self._progress)

    def cancel(self) -> bool:
        """Ends the run: what is being fitted is stopped. False if it had ended."""
        from bakeoff.store.bakeoffs import cancellation

        return cancellation.cancel_run(self._context.engine, self.run_id)

    def detach(self) -> None:
        """Lets the run go on when this process ends. Else its end cancels the run."""
        self._session.worker.disown(self.run_id)

    def __iter__(self) -> Iterator[CandidateOutcome]:
        """The candidates, each as soon as it has ended."""
        from bakeoff.store.bakeoffs import job_queries

        engine, told = self._context.engine, set[str]()
        for polled in poll(engine, self.run_id, self._idle_reason(), pause_s=_PAUSE_S):
            self._keep_worker()
            ended = [job for job in polled.jobs if job.state.has_ended and job.id not in told]
            told.update(job.id for job in ended)
            done = any(job.state is JobState.COMPLETED for job in ended)
            results = job_queries.results_of_run(engine, self.run_id) if done else []
            metrics = {one.evaluation_id: one.metrics for one in results}
            for job in ended:
                why = f"{job.error.type}: {job.error.message}" if job.error else ""
                yield CandidateOutcome(
                    candidate=job.candidate.id,
                    state=str(job.state),
                    metrics=dict(metrics.get(job.id, {})),
                    error=why,
                )
        self._session.worker.disown(self.run_id)

    @property
    def _context(self) -> "Context":
        return self._session.context

    def _run(self) -> Run:
        from bakeoff.store.bakeoffs import run_rows

        return run_rows.get(self._context.engine, self.run_id)

    def _follow(self, timeout: float | None) -> None:
        from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict

        deadline = None if timeout is None else time.monotonic() + timeout
        looked_at = time.monotonic()
        with display_for(self._context, wanted=self._progress) as display:
            for polled in poll(self._context.engine, self.run_id, self._idle_reason(), pause_s=_PAUSE_S):
                display.update(polled)
                if deadline is not None and time.monotonic() > deadline and not polled.run.state.has_ended:
                    raise TimeoutError(
                        f"run {polled.run.title} is still {polled.run.state} after {timeout:g} s"
                    )
                if time.monotonic() > looked_at + _LOOK_AFTER_WORKER_S:
                    self._keep_worker()
                    looked_at = time.monotonic()
            self._wait_until_saved(polled.run)
        wait_for_verdict(self._context, self.run_id)
        self._session.worker.disown(self.run_id)

    def _keep_worker(self) -> None:
        """Starts another worker if ours has died."""
        self._session.worker.ensure_again()

    def _idle_reason(self) -> IdleReason:
        from bakeoff.operations.doorbells import why_nothing_runs

        return IdleReason(lambda: why_nothing_runs(self._context, [self.run_id]))

    def _wait_until_saved(self, run: Run) -> None:
        from bakeoff.cli.output.runs.saving_and_tracking_view import is_under_way

        while run.save is not None and is_under_way(self._context, self.run_id):
            self._keep_worker()
            time.sleep(_PAUSE_S)
