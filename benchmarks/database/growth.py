# ruff: noqa: T201 - a script that prints, no part of a package
"""What a job and a look cost while a project grows from 1,000 jobs that have ended to 100,000.

    python -m benchmarks.database.growth [most jobs] [URL of an empty database]

The project has runs of fifty candidates, each fitted again in each run, and every run judged. Their rows are
those that a worker writes, inserted at once. At each size, medians of twenty: a run is started by the
function behind every start, its jobs are claimed and finished as a supervisor does it, but that nothing is
fitted; then lists, status, leaderboard and pages are asked for over HTTP, within this process, and `bakeoff
runs` by its command. Without a URL the database is an SQLite file.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, insert

from bakeoff.domain.ids_and_times import new_id, utc_now
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import CodeManifest, Cost, Part, Provenance, Result
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.evaluation.planning.run_plan import Plan
from bakeoff.operations.context import Context
from bakeoff.operations.runs.start_run import job_of, run_of, start_planned
from bakeoff.store.bakeoffs import cancellation, leased_jobs
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from bakeoff.store.bakeoffs.row_mapping import job_to_row, provenance_to_row, result_to_row, run_to_row
from bakeoff.store.database import all_tables, schema_version
from bakeoff.store.database.engine_and_transactions import writing
from benchmarks.bakeoffs.prepared_project import Stand
from benchmarks.bakeoffs.workloads import trivial_of_library
from benchmarks.database.many_jobs import settle
from tasks import celery

_SAMPLES = 20
_CANDIDATES = 50
_HOLDER = claims.Holder(node="here", worker="here")
_CAPS = claims.Caps(per_node=10_000, overall=10_000)
_COST = Cost(fit_s=0.1, predict_s=0.1, cpu_s=0.1, peak_memory_mb=80, granted_threads=1)
_MANIFEST = CodeManifest(commit="c" * 40, cpu="a processor", packages={"scikit-learn": "1"})


def main(most: int, url: str | None) -> None:
    with TemporaryDirectory(prefix="bakeoff-benchmark-") as folder:
        stand = Stand(folder=Path(folder), workers=1)
        stand.set_up(trivial_of_library(_CANDIDATES), databaseUrl=url or f"sqlite:///{folder}/bakeoff.db")
        context = Context(stand.configuration, celery.messenger_for)
        celery.use(context)
        schema_version.ensure(context.engine)
        context.broker.hold()
        costs: dict[int, Mapping[str, float]] = {}
        size = 1_000
        while size <= most:
            _fill(context, stand.plan, runs=(size - max(costs, default=0)) // _CANDIDATES)
            settle(context.engine)
            costs[size] = _costs(context, stand.plan)
            size *= 10
        _print(context.engine.dialect.name, costs)


def _fill(context: Context, plan: Plan, *, runs: int) -> None:
    began = utc_now() - timedelta(days=365)
    for number in range(runs):
        at = began + timedelta(minutes=number)
        run = replace(run_of(plan, run_id=new_id(), name="nightly"), created_at=at, state=RunState.COMPLETED)
        with writing(context.engine) as connection:
            _write_ended(connection, context, run, plan, over={"started_at": at, "ended_at": at})


def _write_ended(
    connection: Connection, context: Context, run: Run, plan: Plan, over: Mapping[str, Any]
) -> None:
    jobs = [job_of(context, run, candidate, place) for place, candidate in enumerate(plan.candidates)]
    done = [result_of(job, run) for job in jobs]
    rows = [{**job_to_row(job), "state": JobState.COMPLETED, "attempt": 1, **over} for job in jobs]
    connection.execute(insert(all_tables.runs), {**run_to_row(run), **over})
    connection.execute(insert(all_tables.jobs), rows)
    connection.execute(insert(all_tables.results), [result_to_row(one) for one in done])
    connection.execute(insert(all_tables.provenances), [provenance_to_row(one, _made(one)) for one in done])
    at = over["ended_at"]
    verdict = _verdict(run).to_data()
    row = {"run_id": run.id, "due_at": at, "tries": 1, "done_at": at, "verdict": verdict}
    connection.execute(insert(all_tables.verdicts), row)


def result_of(job: Job, run: Run) -> Result:
    return Result(
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_id=run.dataset.dataset_id,
        dataset_name=run.dataset.name,
        split_id=run.dataset.split_id,
        seed=0,
        metrics={"f1": 0.5, "precision": 0.5, "recall": 0.5, "accuracy": 0.5},
        timestamp=run.created_at,
        duration_s=0.1,
        cost=_COST,
        attempt=1,
    )


def _made(result: Result) -> Provenance:
    """By other code than there is now: what was fitted is not reused, and has to be looked at."""
    parts = dict.fromkeys(Part, "1") | {Part.CODE: result.run_id}
    return Provenance(parts=parts, seen={}, obstacle="", predictions="p" * 64, manifest=_MANIFEST)


def _verdict(run: Run) -> RunVerdict:
    return RunVerdict(
        metric=run.rules.metrics[0],
        greater_is_better=True,
        level=0.05,
        method="made up",
        seed=0,
        rows=100,
        best=None,
        sentence="Nobody can tell them apart.",
    )


def _costs(context: Context, plan: Plan) -> Mapping[str, float]:
    taken: dict[str, list[float]] = {}

    def timed(step: str, act: Callable[[], Any]) -> Any:
        began = perf_counter()
        outcome = act()
        taken.setdefault(step, []).append(perf_counter() - began)
        return outcome

    for _ in range(_SAMPLES):
        run_id = new_id()
        timed("start of 50", lambda run_id=run_id: start_planned(context, plan, run_id=run_id))
        for step, act in _job(context):
            timed(step, act)
        cancellation.cancel_run(context.engine, run_id)  # else there would be more runs in turn at each size
    for what, look in _looks(context, run_id).items():
        look()
        for _ in range(_SAMPLES):
            timed(what, look)
    return {step: median(seconds) for step, seconds in taken.items()}


def _job(context: Context) -> Iterator[tuple[str, Callable[[], Any]]]:
    engine, found, claimed = context.engine, [], []
    yield "next", lambda: found.extend(next_jobs(engine, limit=1))
    yield (
        "claim",
        lambda: claimed.append(
            claims.claim(engine, found[0].job_id, holder=_HOLDER, caps=_CAPS, lease_s=3600)
        ),
    )
    [claim] = claimed
    result = result_of(claim.job, claim.run)
    yield "finish", lambda: leased_jobs.complete(engine, claim.lease, result, None, _made(result))


def _looks(context: Context, run_id: str) -> Mapping[str, Callable[[], Any]]:
    from httpx import ASGITransport, AsyncClient

    from bakeoff.api.app import create_app
    from bakeoff.api.security.tokens import Tokens
    from bakeoff.cli.commands.runs.runs_command import runs
    from bakeoff.web.page_app import make_pages

    app = create_app(context, Tokens(context.configuration.tokens_file), pages=make_pages)
    client = AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1")
    loop = asyncio.Runner()

    def ask(path: str) -> Callable[[], None]:
        def look() -> None:
            answer = loop.run(client.get(path))
            if answer.status_code != 200:  # noqa: PLR2004 - the status of success
                raise SystemExit(f"{path} answered {answer.status_code}: {answer.text[:500]}")

        return look

    def list_runs() -> None:
        with redirect_stdout(StringIO()):
            runs(config=context.configuration.file)

    api = "/api/ml/evaluations"
    return {
        "API: list": ask(api),
        "API: of a name": ask(f"{api}?name=nightly"),
        "API: status": ask(f"{api}/{run_id}"),
        "API: results": ask(f"{api}/{run_id}/results"),
        "API: metrics": ask("/metrics"),
        "page: home": ask("/"),
        "page: runs": ask("/runs"),
        "page: a run": ask(f"/runs/{run_id}"),
        "bakeoff runs": list_runs,
    }


def _print(dialect: str, costs: Mapping[int, Mapping[str, float]]) -> None:
    print(f"{dialect}, medians in ms when so many jobs have ended\n")
    print(f"{'':16}" + "".join(f"{size:>12,}" for size in costs))
    for step in next(iter(costs.values())):
        print(f"{step:16}" + "".join(f"{of_size[step] * 1e3:12.2f}" for of_size in costs.values()))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        next((int(word) for word in given if word.isdecimal()), 100_000),
        next((word for word in given if "://" in word), None),
    )
