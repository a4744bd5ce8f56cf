"""What pages ask of the store: many runs at once, marks of change, jobs at work, who changed what."""

import os
import time
from dataclasses import replace
from pathlib import Path

from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, an_error, claim
from sqlalchemy import Engine, insert

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import Interval, PairDifference, RunVerdict
from bakeoff.store.bakeoffs import change_marks, job_queries, leased_jobs, run_rows
from bakeoff.store.bakeoffs.results import run_list_summaries
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.store.monitoring import audit_rows

PAIR = PairDifference(a="m0", b="m1", difference=0.1, low=-0.1, high=0.3, p_value=0.5, n_eff=10)


def judged(engine: Engine, run: Run, **changed: object) -> None:
    plain = {
        "metric": "f1",
        "greater_is_better": True,
        "level": 0.05,
        "method": "",
        "seed": 1,
        "rows": 10,
        "best": None,
    }
    verdict = RunVerdict(**{**plain, "pairs": (PAIR,), "sentence": "Nobody knows.", **changed})  # type: ignore[arg-type]
    row = {"run_id": run.id, "due_at": run.created_at, "tries": 1, "done_at": run.created_at}
    with writing(engine) as connection:
        connection.execute(insert(all_tables.verdicts), {**row, "verdict": verdict.to_data()})


def test_the_headline_of_a_run_is_its_verdict_and_the_score_of_the_one_to_take(engine: Engine) -> None:
    run, (job,) = a_stored_run(engine)
    around = {"f1": Interval(low=0.7, high=0.8)}
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job, intervals=around))
    without, (other,) = a_stored_run(engine)
    with writing(engine) as connection:
        connection.execute(all_tables.verdicts.delete())
    judged(engine, run, recommended="m0", tied=("m0", "m1"))
    judged(engine, without, recommended=None)

    found = run_list_summaries.headlines(engine, [run.id, without.id, other.id])
    assert set(found) == {run.id, without.id}
    one = found[run.id]
    assert (one.sentence, one.metric, one.recommended, one.tied) == ("Nobody knows.", "f1", "m0", 2)
    assert (one.value, one.interval) == (0.75, Interval(low=0.7, high=0.8))
    assert (found[without.id].recommended, found[without.id].value, found[without.id].tied) == (None, None, 0)


def test_a_headline_names_serious_findings_that_nobody_has_accepted(engine: Engine) -> None:
    run, _ = a_stored_run(engine)
    leak = Finding(slug="leaky-feature", severity=Severity.HIGH, message="x tells y", cure="drop x")
    known = replace(leak, slug="target-copy", accepted="known at that time")
    judged(engine, run, findings=(leak, known, replace(leak, slug="id-like", severity=Severity.LOW)))

    assert run_list_summaries.headlines(engine, [run.id])[run.id].serious == ("leaky-feature",)


def test_runs_without_a_verdict_have_no_headline(engine: Engine) -> None:
    run, _ = a_stored_run(engine)
    assert run_list_summaries.headlines(engine, [run.id]) == {}
    assert run_list_summaries.headlines(engine, []) == {}


def test_runs_are_found_by_a_part_of_their_name_whatever_it_holds(engine: Engine) -> None:
    for name in ("Spring 100%", "spring_2", "summer"):
        a_stored_run(engine, name=name)

    def names(part: str) -> set[str]:
        return {one.run.name for one in run_rows.page(engine, limit=9, containing=part)}

    assert names("SPRING") == {"Spring 100%", "spring_2"}
    assert names("%") == {"Spring 100%"}
    assert names("_") == {"spring_2"}


def test_the_mark_of_a_run_changes_with_all_that_its_pages_show(engine: Engine) -> None:
    run, (job, second) = a_stored_run(engine, 2)
    marks = [change_marks.of_run(engine, run.id)]
    everywhere = [change_marks.of_all(engine)]

    def look() -> None:
        marks.append(change_marks.of_run(engine, run.id))
        everywhere.append(change_marks.of_all(engine))

    lease = claim(engine, job).lease
    look()
    assert leased_jobs.complete(engine, lease, a_result(job))
    look()
    assert leased_jobs.fail(engine, claim(engine, second).lease, an_error())
    look()
    elsewhere, _ = a_stored_run(engine)
    before = change_marks.of_run(engine, elsewhere.id)
    assert run_rows.prioritise(engine, elsewhere.id, 5)

    assert len(set(marks)) == len(set(everywhere)) == 4
    assert change_marks.of_run(engine, elsewhere.id) != before
    assert change_marks.of_run(engine, "00000000-0000-4000-8000-000000000000") == ""


def test_jobs_at_work_are_listed_with_their_lease(engine: Engine) -> None:
    run, (job, _) = a_stored_run(engine, 2, name="spring")
    claim(engine, job, node="there")
    (one,) = job_queries.running_jobs(engine)
    assert (one.job_id, one.model_id, one.run_id, one.run_name, one.node) == (
        job.id,
        "m0",
        run.id,
        "spring",
        "there",
    )
    assert one.lease_expires_at > one.started_at


def test_the_audit_log_is_read_backwards_and_by_name(engine: Engine) -> None:
    first = audit_rows.begin(engine, name="ada", role="admin", method="POST", path="/runs/1/cancel")
    second = audit_rows.begin(engine, name="eve", role="user", method="DELETE", path="x" * 3000)
    audit_rows.end(engine, first, status=303, led_to="/runs/1")

    newest, oldest = audit_rows.page(engine, limit=9)
    assert (oldest.name, oldest.status, oldest.led_to) == ("ada", 303, "/runs/1")
    assert (newest.position, newest.status, len(newest.path)) == (second, None, 1000)
    assert [one.name for one in audit_rows.page(engine, limit=9, name="eve")] == ["eve"]
    assert [one.position for one in audit_rows.page(engine, limit=9, before=second)] == [first]


def test_a_file_that_was_written_just_now_is_looked_at_again(tmp_path: Path) -> None:
    log = tmp_path / "some.db-wal"
    watch = change_marks.WriteWatch(tmp_path / "some.db")
    assert [watch.may_have_changed() for _ in range(2)] == [True, True]  # there is no log
    log.touch()
    assert [watch.may_have_changed() for _ in range(2)] == [True, True]
    at_rest = time.time() - 1
    os.utime(log, (at_rest, at_rest))
    assert [watch.may_have_changed() for _ in range(3)] == [True, False, False]
    log.write_bytes(b"a write")
    os.utime(log, (at_rest, at_rest))  # as in the same step of the clock
    assert [watch.may_have_changed() for _ in range(2)] == [True, False]


def test_of_a_server_nobody_knows_whether_it_has_changed() -> None:
    watch = change_marks.WriteWatch(None)
    assert [watch.may_have_changed() for _ in range(2)] == [True, True]
