"""Folds of jobs at work: kept one by one by whoever holds the lease, told of, and deleted with their run."""

from dataclasses import replace
from datetime import timedelta

from fixtures.values.samples import DATASET
from fixtures.values.stored import a_stored_run, an_error, claim, events, judge_all
from sqlalchemy import Engine

from bakeoff.domain.runs.result import CodeManifest, Cost, FoldResult, Part, Provenance
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.store.bakeoffs import delete_old_runs, leased_jobs, outbox
from bakeoff.store.bakeoffs.results import fold_rows

DESIGN = Design(folds=3, repeats=2)
MADE = Provenance(
    parts={part: f"{part} 1" for part in Part},
    seen={},
    predictions="p" * 64,
    manifest=CodeManifest(commit=None, cpu="a processor", packages={}),
)


def a_fold(place: int, accuracy: float | None = 0.5) -> FoldResult:
    return FoldResult(
        place=place,
        metrics={"accuracy": accuracy},
        cost=Cost(fit_s=1.0, predict_s=0.5, cpu_s=1.0, peak_memory_mb=80.0, granted_threads=1),
        duration_s=2.0,
        warnings=("a warning",),
        provenance=MADE,
    )


def test_a_fold_is_read_as_it_was_written_in_the_order_of_its_place(engine: Engine) -> None:
    run, [job, other] = a_stored_run(engine, 2, dataset=replace(DATASET, design=DESIGN))
    lease = claim(engine, job).lease

    for place in (3, 0):
        assert fold_rows.keep(engine, lease, DESIGN, a_fold(place))

    assert fold_rows.of_job(engine, job.id) == {0: a_fold(0), 3: a_fold(3)}
    assert fold_rows.of_run(engine, run.id) == {job.id: [a_fold(0), a_fold(3)]}
    assert fold_rows.number_done(engine, run.id) == {job.id: 2}
    assert fold_rows.of_job(engine, other.id) == {}


def test_a_fold_that_is_fitted_again_replaces_the_first_one(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    lease = claim(engine, job).lease

    fold_rows.keep(engine, lease, DESIGN, a_fold(1, accuracy=0.25))
    fold_rows.keep(engine, lease, DESIGN, a_fold(1, accuracy=None))

    assert fold_rows.of_job(engine, job.id) == {1: a_fold(1, accuracy=None)}


def test_each_fold_is_told_of_with_its_number_and_repeat(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)

    fold_rows.keep(engine, claim(engine, job).lease, DESIGN, a_fold(4))

    told = [pending.event for pending in outbox.of_run(engine, run.id, after=0, limit=10)]
    assert [str(event.type) for event in told] == ["evaluation.started", "evaluation.fold_completed"]
    assert told[-1].payload == {
        "evaluationId": job.id,
        "modelId": "m0",
        "modelVersion": "1.0",
        "attempt": 1,
        "seed": 1,
        "repeat": 2,
        "fold": 2,
        "folds": 3,
        "repeats": 2,
        "seeds": 1,
        "metrics": {"accuracy": 0.5},
        "seconds": 2.0,
    }


def test_whoever_lost_the_lease_keeps_nothing_and_tells_nothing(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    lost = claim(engine, job).lease
    leased_jobs.retry_or_fail(engine, lost, an_error())
    before = len(events(engine, run))

    assert not fold_rows.keep(engine, lost, DESIGN, a_fold(0))

    assert fold_rows.of_job(engine, job.id) == {}
    assert len(events(engine, run)) == before


def test_folds_stay_when_their_job_fails_and_go_with_their_run(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    lease = claim(engine, job).lease
    fold_rows.keep(engine, lease, DESIGN, a_fold(0))
    leased_jobs.fail(engine, lease, an_error())
    assert list(fold_rows.of_job(engine, job.id)) == [0]

    judge_all(engine)
    pending = outbox.pending(engine, limit=100)
    outbox.mark_published(engine, [one.position for one in pending])
    assert delete_old_runs.delete_outdated(engine, timedelta(seconds=-1)) == 1

    assert fold_rows.of_job(engine, job.id) == {}
