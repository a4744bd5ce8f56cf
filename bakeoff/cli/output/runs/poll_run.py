"""Reads a run and its jobs again and again until the run has ended, and says meanwhile who leads."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.run import Run, number_ended
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import fold_rows

if TYPE_CHECKING:
    from sqlalchemy import Engine


_SHORTEST_PAUSE_S = 0.1
_ASK_AFTER_S = 1.5
_TELL_AFTER_S = 2.5
_ASK_AGAIN_S = 5.0

_JUDGE_AGAIN_S = 2.0
_FEWEST, _MOST = 2, 100  #: results: of fewer nobody leads, and more would take too long


@dataclass(frozen=True, kw_only=True)
class PolledRun:
    """A run and its jobs, as they were when they were read last."""

    run: Run
    jobs: Sequence[Job]
    scores: Mapping[str, float | None]  #: of the metric that ranks, by job id
    at: datetime
    took_s: Mapping[str, float] = field(default_factory=dict)  #: by job id, of results: without any waiting
    folds_done: Mapping[str, int] = field(default_factory=dict)  #: by job id, of a run with folds
    waiting: str | None = None  #: why nothing is running, once nothing has run for some seconds

    def count(self, state: JobState) -> int:
        return sum(job.state is state for job in self.jobs)

    def seconds_of(self, job: Job) -> float | None:
        """Of a result its own time: in a race, and beside jobs for its folds, a job also waits.

        None if it has not started, as a result that was taken over.
        """
        if job.started_at is None:
            return None
        since_s = max(0.0, ((job.ended_at or self.at) - job.started_at).total_seconds())
        return self.took_s.get(job.id, since_s)

    @property
    def ended(self) -> int:
        return number_ended(self.jobs)


def poll(
    engine: "Engine", run_id: str, idle_reason: "IdleReason", *, pause_s: float = _SHORTEST_PAUSE_S
) -> Iterator[PolledRun]:
    """Yields the run repeatedly, at last when it has ended. `pause_s`: the shortest pause between looks."""
    scores: dict[str, float | None] = {}
    took_s: dict[str, float] = {}
    while True:
        began = time.monotonic()
        run, all_jobs = run_rows.get(engine, run_id), job_queries.of_run(engine, run_id)
        if sum(job.state is JobState.COMPLETED for job in all_jobs) > len(scores):
            results, first = job_queries.results_of_run(engine, run_id), run.rules.metrics[0]
            scores = {result.evaluation_id: result.metrics.get(first) for result in results}
            took_s = {result.evaluation_id: result.duration_s for result in results}
        running = any(job.state is JobState.RUNNING for job in all_jobs)
        yield PolledRun(
            run=run,
            jobs=all_jobs,
            scores=scores,
            at=utc_now(),
            took_s=took_s,
            folds_done=fold_rows.number_done(engine, run_id) if run.dataset.design.fits > 1 else {},
            waiting=idle_reason.reason(idle=not running and not run.state.has_ended),
        )
        if run.state.has_ended:
            return
        time.sleep(max(pause_s, 5 * (time.monotonic() - began)))


class IdleReason:
    """Finds out why no job is running, in a thread, and says it once no job has run for some seconds."""

    def __init__(
        self,
        why: Callable[[], str],
        *,
        idle_since: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`why` returns the reason; it may be slow, since it queries the broker."""
        self._why = why
        self._clock = clock
        self._idle_since = idle_since
        self._asked_at: float | None = None
        self._asking: Thread | None = None
        self._answer: str | None = None

    def reason(self, *, idle: bool) -> str | None:
        if not idle:
            self._idle_since = self._asked_at = self._answer = None
            return None
        now = self._clock()
        self._idle_since = self._idle_since if self._idle_since is not None else now
        if self._is_time_to_ask(now, now - self._idle_since):
            self._asked_at = now
            self._asking = Thread(target=self._ask, daemon=True)
            self._asking.start()
        return self._answer if now - self._idle_since >= _TELL_AFTER_S else None

    def _is_time_to_ask(self, now: float, idle_for: float) -> bool:
        if self._asking is not None and self._asking.is_alive():
            return False
        if self._asked_at is None:
            return idle_for >= _ASK_AFTER_S
        return now - self._asked_at >= _ASK_AGAIN_S

    def _ask(self) -> None:
        try:
            self._answer = self._why()
        except BakeoffError as exc:
            self._answer = str(exc)


class LiveLeader:
    """Says who leads while a run goes on. It judges in a thread, so that the display goes on meanwhile."""

    def __init__(
        self, judge: Callable[[Run], RunVerdict], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`judge` says what would be known if the run ended now."""
        self._judge = judge
        self._clock = clock
        self._judged = 0  #: how many results there were then
        self._next_at = 0.0
        self._judging: Thread | None = None
        self._text: str | None = None

    def text(self, run: Run, results: int) -> str | None:
        """None as long as there is nothing to say. `results`: how many the run has."""
        is_busy = self._judging is not None and self._judging.is_alive()
        if not is_busy and results != self._judged and self._clock() >= self._next_at:
            self._judged = results
            self._next_at = self._clock() + _JUDGE_AGAIN_S
            if _FEWEST <= results <= _MOST:
                self._judging = Thread(target=self._judge_now, args=[run], daemon=True)
                self._judging.start()
        return self._text

    def _judge_now(self, run: Run) -> None:
        with suppress(BakeoffError):  # the display goes on without, and the verdict comes at the end
            self._text = leader_text(self._judge(run))


def leader_text(verdict: RunVerdict) -> str | None:
    if verdict.best is not None:
        return f"{verdict.best} leads: shown to be better than the others so far"
    if not verdict.tied:
        return None
    return f"{verdict.tied[0]} leads, tied with {len(verdict.tied) - 1}"
