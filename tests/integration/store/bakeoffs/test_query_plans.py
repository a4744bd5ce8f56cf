"""What a job costs does not grow with the number of jobs: no query reads a table from end to end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fixtures.values.plans import finds_rows, plans_of, statements_of, verb
from fixtures.values.samples import a_result
from fixtures.values.stored import PLENTY, a_stored_run, an_error, claim, try_claim
from sqlalchemy import Engine, event

from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import CodeManifest, Part, Provenance
from bakeoff.store.bakeoffs import (
    cancellation,
    job_queries,
    leased_jobs,
    outbox,
    run_progress_rows,
    run_rows,
    saving_rows,
)
from bakeoff.store.bakeoffs.queue import claims, postgresql_jobs
from bakeoff.store.bakeoffs.queue.claims import Holder
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from bakeoff.store.bakeoffs.results import earlier_fits, fold_rows, race_rows
from bakeoff.store.database.all_tables import jobs
from bakeoff.store.database.statements_in_one_round_trip import send

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True
)

MADE = Provenance(
    parts=dict.fromkeys(Part, "1"),
    seen={},
    obstacle="",
    predictions="p" * 64,
    manifest=CodeManifest(commit="c" * 40, cpu="a processor", packages={}),
)

#: These may be read from end to end: they hold only what is wanted.
_FINE = {
    "ix_outbox_unpublished",
    "ix_evaluation_runs_created",
    "ix_evaluation_runs_line",
    "ix_evaluation_jobs_waiting",
    "ix_evaluation_jobs_leased",
}


ACTS: dict[str, Callable[[Engine, list[Job]], object]] = {
    "claim": lambda engine, queued: claim(engine, queued[0]),
    "refuse": lambda engine, _: try_claim(engine, "unknown"),
    "renew": lambda engine, queued: leased_jobs.renew(engine, claim(engine, queued[0]).lease, lease_s=60),
    "standing": lambda engine, queued: leased_jobs.standing(engine, claim(engine, queued[0]).lease),
    "complete": lambda engine, queued: leased_jobs.complete(
        engine, claim(engine, queued[0]).lease, a_result(queued[0])
    ),
    "fail": lambda engine, queued: leased_jobs.fail(engine, claim(engine, queued[0]).lease, an_error()),
    "release": lambda engine, queued: leased_jobs.release(engine, claim(engine, queued[0]).lease),
    "give up": lambda engine, queued: leased_jobs.retry_or_fail(
        engine, claim(engine, queued[0]).lease, an_error()
    ),
    "expire": lambda engine, queued: (claim(engine, queued[0], lease_s=-1), leased_jobs.expire(engine)),
    "cancel a job": lambda engine, queued: cancellation.cancel_job(engine, queued[0].id),
    "cancel a run": lambda engine, queued: cancellation.cancel_run(engine, queued[0].run_id),
    "next in line": lambda engine, _: next_jobs(engine, limit=3),
    "claim the next": lambda engine, _: claims.claim_next(
        engine, excluded=["another"], holder=Holder(node="here", worker="w1"), caps=PLENTY, lease_s=60
    ),
    "wait in a race": lambda engine, queued: leased_jobs.wait(engine, claim(engine, queued[0]).lease),
    "rounds that are over": lambda engine, _: race_rows.due(engine),
    "races": lambda engine, _: race_rows.are_waiting(engine),
    "a fold that failed": lambda engine, queued: fold_rows.failed_job(engine, queued[0].id),
    "the job of a fold": lambda engine, queued: fold_rows.job_at(engine, queued[0].id, 0),
    "running": lambda engine, _: job_queries.running(engine),
    "prioritise": lambda engine, queued: run_rows.prioritise(engine, queued[0].run_id, 1),
    "backlog": lambda engine, _: job_queries.backlog(engine),
    "pending events": lambda engine, _: outbox.pending(engine, limit=10),
    "mark as published": lambda engine, _: outbox.mark_published(engine, [1, 2]),
    "savings due": lambda engine, _: saving_rows.due(engine),
    "a lease to save": lambda engine, queued: saving_rows.take(engine, queued[0].run_id, lease_s=60),
    "page": lambda engine, queued: run_rows.page(engine, limit=3, after=queued[0].run_id),
    "page of a name": lambda engine, _: run_rows.page(engine, limit=3, dataset="flowers", name="spring"),
    "latest": lambda engine, _: run_rows.find(engine, "latest"),
    "latest that evaluates": lambda engine, _: run_rows.newest_evaluation(engine),
    "summary": lambda engine, queued: run_rows.summary(engine, queued[0].run_id),
    "status": lambda engine, queued: run_progress_rows.of_run(engine, queued[0].run_id),
    "events of a run": lambda engine, queued: outbox.of_run(engine, queued[0].run_id, after=0, limit=9),
}


#: PostgreSQL would rather read all fits than look up the hundred that it expects a list to name.
OF_MANY_FITS: dict[str, Callable[[Engine, list[Job]], object]] = {
    "fits of a fingerprint": lambda engine, _: earlier_fits.with_fingerprints(
        engine, {MADE.fingerprint, "b" * 64}
    ),
    "latest fits": lambda engine, _: earlier_fits.latest_of(engine, {"m0", "m1"}),
}


@on_postgresql
@pytest.mark.parametrize("act", ACTS)
def test_each_query_finds_its_rows_by_an_index_of_postgresql(
    engine: Engine, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a small table it would rather not, so it is told to."""
    _, queued = a_stored_run(engine, 3)
    in_batches: list[tuple[str, Any]] = []

    def noted(at: Engine, *transactions: Any) -> Any:
        in_batches.extend((statement.sql, values) for steps in transactions for statement, values in steps)
        return send(at, *transactions)

    monkeypatch.setattr(postgresql_jobs, "send", noted)
    with statements_of(engine) as seen:
        ACTS[act](engine, queued)

    asked = [query for query in (*seen, *in_batches) if finds_rows(query[0])]
    scans = [scan for query in asked for scan in _scans(engine, query)]
    assert not {"claim", "complete", "claim the next"} & {act} or in_batches
    assert [scan for scan in scans if "Index Cond" not in scan and scan.get("Index Name") not in _FINE] == []


def _scans(engine: Engine, query: tuple[str, Any]) -> list[dict[str, Any]]:
    """How PostgreSQL would read our tables for it."""
    statement, parameters = query
    with engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        [whole] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return [node for node in _nodes(whole["Plan"]) if "Relation Name" in node and "Scan" in node["Node Type"]]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A scan of a bitmap has what each index below it has."""
    inner = plan.get("Plans", [])
    if plan["Node Type"] == "Bitmap Heap Scan":
        yield from ({**index, **plan} for index in inner[0].get("Plans", inner))
    else:
        yield plan
    for below in inner:
        yield from _nodes(below)


@on_sqlite
@pytest.mark.parametrize("act", [*ACTS, *OF_MANY_FITS])
def test_each_query_finds_its_rows_by_an_index(engine: Engine, act: str) -> None:
    _, queued = a_stored_run(engine, 3)

    with plans_of(engine) as plans:
        {**ACTS, **OF_MANY_FITS}[act](engine, queued)

    assert plans
    assert [step for step in plans if _reads_a_table(step)] == []


def _reads_a_table(step: str) -> bool:
    """From end to end."""
    words = step.split()
    return words[0] == "SCAN" and words[1] not in _SHORT and words[-1] not in _FINE


_SHORT = {
    "CONSTANT",
    "(subquery-1)",
    "placed",
    "each_wanted",
    "idle",
    "counted",
    "candidates",
}  #: parts of statements


@on_sqlite
def test_the_line_and_the_queue_of_a_run_are_read_in_order(engine: Engine) -> None:
    a_stored_run(engine, 3)

    with plans_of(engine) as plans:
        next_jobs(engine, limit=3)

    assert "SCAN evaluation_runs USING INDEX ix_evaluation_runs_line" in plans
    assert "SEARCH evaluation_jobs USING INDEX ix_evaluation_jobs_waiting (run_id=?)" in plans
    assert [step for step in plans if "TEMP B-TREE" in step] == ["USE TEMP B-TREE FOR GROUP BY"]


@on_sqlite
@pytest.mark.parametrize(("more_runs", "jobs_each"), [(1, 1000), (300, 1)])
@pytest.mark.parametrize("act", ["claim", "next in line", "running"])
def test_a_turn_costs_the_same_among_many_jobs_and_among_many_runs(
    engine: Engine, act: str, more_runs: int, jobs_each: int
) -> None:
    _, queued = a_stored_run(engine, 10, priority=1)
    claim(engine, queued.pop())
    for _ in range(4):
        a_stored_run(engine, 4)
    among_few = _steps(engine, lambda: ACTS[act](engine, queued))
    for _ in range(more_runs):
        a_stored_run(engine, jobs_each)

    assert _steps(engine, lambda: ACTS[act](engine, queued[1:])) < 1.3 * among_few


@on_sqlite
@pytest.mark.parametrize("last", sorted(str(index.name) for index in jobs.indexes))
def test_a_claim_costs_the_same_among_many_jobs_whichever_index_was_made_last(
    engine: Engine, last: str
) -> None:
    """SQLite prefers it among those that look equal, and new tables get theirs in any order."""
    with engine.begin() as connection:
        index = next(index for index in jobs.indexes if index.name == last)
        index.drop(connection)
        index.create(connection)
    _, queued = a_stored_run(engine, 10)
    claim(engine, queued.pop())
    among_few = _steps(engine, lambda: ACTS["claim the next"](engine, queued))
    a_stored_run(engine, 1000)

    assert _steps(engine, lambda: ACTS["claim the next"](engine, queued)) < 1.3 * among_few


@on_sqlite
def test_a_list_of_runs_costs_the_same_however_many_others_there_are(engine: Engine) -> None:
    def add(runs: int) -> None:
        for _ in range(runs):
            a_stored_run(engine, 10)

    add(20)
    among_few = _steps(engine, lambda: run_rows.page(engine, limit=20))
    add(80)

    assert _steps(engine, lambda: run_rows.page(engine, limit=20)) < 1.1 * among_few


@on_sqlite
@pytest.mark.parametrize("number", [0, 1, 20, 200])
def test_jobs_are_counted_in_the_index_of_their_runs_however_many_runs_are_asked_for(
    engine: Engine, number: int
) -> None:
    with plans_of(engine) as plans:
        run_rows.summaries(engine, [f"run-{place}" for place in range(number)])
        run_rows.page(engine, limit=3)
    assert [step for step in plans if "evaluation_jobs" in step] == [
        "SEARCH evaluation_jobs USING COVERING INDEX ix_evaluation_jobs_run_state (run_id=?)"
    ] * 2


@on_sqlite
@pytest.mark.parametrize("act", OF_MANY_FITS)
def test_earlier_fits_cost_the_same_however_often_the_candidates_were_fitted(
    engine: Engine, act: str
) -> None:
    def fit_again(times: int) -> None:
        for _ in range(times):
            _, queued = a_stored_run(engine, 2)
            for job in queued:
                assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job), None, MADE)

    fit_again(8)
    after_few = _steps(engine, lambda: OF_MANY_FITS[act](engine, []))
    fit_again(40)

    assert _steps(engine, lambda: OF_MANY_FITS[act](engine, [])) < 1.3 * after_few


def _steps(engine: Engine, act: Callable[[], object]) -> int:
    """Instructions of SQLite's machine: what it costs, whatever else this computer is at."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    def begin(connection: Any) -> None:
        connection.connection.driver_connection.set_progress_handler(count, 1)

    event.listen(engine, "begin", begin)
    act()
    event.remove(engine, "begin", begin)
    return counted


@on_sqlite
def test_the_caps_are_counted_among_the_running(engine: Engine) -> None:
    _, queued = a_stored_run(engine, 3)

    with plans_of(engine) as plans:
        claim(engine, queued[0])

    assert [step for step in plans if " running " in step] == [
        "SEARCH running USING COVERING INDEX ix_evaluation_jobs_figures (state=?)",
        "SEARCH running USING COVERING INDEX ix_evaluation_jobs_leased (state=? AND node=?)",
    ]


@on_sqlite
def test_a_claim_and_a_finish_take_few_statements(engine: Engine) -> None:
    """Take the job, serve the run, tell it; at the end hold the run, and write the result and the check."""
    _, queued = a_stored_run(engine, 3)
    claim(engine, queued[0])

    with statements_of(engine) as of_a_claim:
        taken = claim(engine, queued[1])
    with statements_of(engine) as of_a_finish:
        leased_jobs.complete(engine, taken.lease, a_result(queued[1]))

    assert [verb(statement) for statement, _ in of_a_claim] == [
        "BEGIN",
        "UPDATE",
        "UPDATE",
        "INSERT",
    ]
    assert [verb(statement) for statement, _ in of_a_finish] == [
        "BEGIN",
        "SELECT",
        "UPDATE",
        "INSERT",
        "INSERT",
        "SELECT",
    ]


@on_postgresql
def test_on_postgresql_a_claim_and_a_finish_with_the_next_claim_take_one_round_trip_each(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, queued = a_stored_run(engine, 4)
    trips: list[list[list[str]]] = []

    def counted(at: Engine, *transactions: Any) -> Any:
        trips.append([[statement.name for statement, _ in steps] for steps in transactions])
        return send(at, *transactions)

    monkeypatch.setattr(postgresql_jobs, "send", counted)
    then = claims.NextClaim(
        excluded=[queued[1].id], holder=Holder(node="here", worker="w1"), caps=PLENTY, lease_s=60
    )
    with statements_of(engine) as elsewhere:
        taken = claim(engine, queued[0])
        assert leased_jobs.complete(engine, taken.lease, a_result(queued[0]), then=then)

    assert then.claimed is not None
    assert then.claimed.job.id == queued[2].id
    assert trips == [
        [["bakeoff_settings", "bakeoff_turn", "bakeoff_claim_one"]],
        [
            [
                *("bakeoff_settings", "bakeoff_turn", "bakeoff_run_lock"),
                *("bakeoff_complete_result", "bakeoff_claim_next"),
            ],
            ["bakeoff_disk"],
        ],
    ]
    assert elsewhere == []


@on_sqlite
@pytest.mark.parametrize("number", [1, 1000])
def test_a_run_is_cancelled_in_the_same_statements_however_many_jobs_it_has(
    engine: Engine, number: int
) -> None:
    """All queued jobs in one, all running ones in one; then it is told, and the run ends."""
    run, _ = a_stored_run(engine, number)

    with statements_of(engine) as seen:
        cancellation.cancel_run(engine, run.id)

    assert " ".join(verb(statement) for statement, _ in seen) == (
        "BEGIN SELECT UPDATE UPDATE INSERT SELECT SELECT UPDATE INSERT"
    )
