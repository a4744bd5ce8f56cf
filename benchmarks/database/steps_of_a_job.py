# ruff: noqa: T201 - a script that prints, no part of a package
"""What one job costs the store: next, claim, renew, standing, complete, each in a transaction of its own.

    python -m benchmarks.database.steps_of_a_job [jobs]

The cost of the first and of the last tenth are shown apart: it must not grow with the size of the run.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Engine

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.job import Job, JobKind, JobState
from bakeoff.domain.runs.result import Cost, Result
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.store.bakeoffs import leased_jobs, run_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import open_database

_CAPS = claims.Caps(per_node=3, overall=3)
_HOLDER = claims.Holder(node="here", worker="worker-1")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def main(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{Path(folder)}/bakeoff.db")
        schema_version.ensure(engine)
        jobs = _create(engine, number)
        costs: dict[str, list[float]] = defaultdict(list)
        for job in jobs:
            _evaluate(engine, job, costs)
        _print(costs)
        engine.dispose()


def _create(engine: Engine, number: int) -> list[Job]:
    run = a_run()
    jobs = [a_job(run, position) for position in range(number)]
    began = perf_counter()
    run_rows.create(engine, run, jobs)
    print(f"create {(perf_counter() - began) / number * 1e6:8.0f} µs per job")
    return jobs


def a_run() -> Run:
    dataset = DatasetRef(
        dataset_id="d" * 64,
        split_id="e" * 64,
        name="numbers",
        target="y",
        target_kind=TargetKind.REGRESSION,
        classes=(),
        train_rows=75,
        test_rows=25,
        columns=4,
    )
    return Run(
        id=new_id(),
        name="benchmark",
        state=RunState.QUEUED,
        dataset=dataset,
        rules=ScoringRules(metrics=("r2",)),
        seed=0,
        test_size=0.25,
        created_at=BEGAN,
    )


def a_job(run: Run, position: int) -> Job:
    return Job(
        id=new_id(),
        run_id=run.id,
        kind=JobKind.EVALUATION,
        candidate=Candidate(id=f"model_{position}", version="1", path="models.baseline:Baseline"),
        state=JobState.QUEUED,
        attempt=0,
        max_attempts=3,
        timeout_s=3600,
        position=position,
        created_at=run.created_at,
    )


def _evaluate(engine: Engine, job: Job, costs: dict[str, list[float]]) -> None:
    def timed(step: str, act: Callable[[], Any]) -> Any:
        began = perf_counter()
        outcome = act()
        costs[step].append(perf_counter() - began)
        return outcome

    timed("next", lambda: next_jobs(engine, limit=1 + _CAPS.per_node))
    claim = timed("claim", lambda: claims.claim(engine, job.id, holder=_HOLDER, caps=_CAPS, lease_s=30))
    timed("renew", lambda: leased_jobs.renew(engine, claim.lease, lease_s=30))
    timed("standing", lambda: leased_jobs.standing(engine, claim.lease))
    timed("complete", lambda: leased_jobs.complete(engine, claim.lease, a_result(claim)))


def a_result(claim: claims.Claim) -> Result:
    return Result(
        evaluation_id=claim.job.id,
        run_id=claim.run.id,
        model_id=claim.job.candidate.id,
        model_version=claim.job.candidate.version,
        dataset_id=claim.run.dataset.dataset_id,
        dataset_name=claim.run.dataset.name,
        split_id=claim.run.dataset.split_id,
        seed=0,
        metrics={"r2": 0.5, "mae": 1.0, "rmse": 2.0},
        timestamp=BEGAN,
        duration_s=0.1,
        cost=Cost(fit_s=0.1, predict_s=0.1, cpu_s=0.1, peak_memory_mb=80, granted_threads=1),
        attempt=claim.job.attempt,
    )


def _print(costs: dict[str, list[float]]) -> None:
    print(f"{'':10}{'median':>10}{'first tenth':>14}{'last tenth':>14}   µs")
    for step, seconds in costs.items():
        tenth = max(1, len(seconds) // 10)
        shown = [median(part) * 1e6 for part in (seconds, seconds[:tenth], seconds[-tenth:])]
        print(f"{step:10}{shown[0]:10.0f}{shown[1]:14.0f}{shown[2]:14.0f}")
    whole = sum(map(sum, costs.values())) / len(costs["claim"])
    print(f"{'together':10}{whole * 1e6:10.0f}   on average")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 2_000)
