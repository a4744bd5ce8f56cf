"""The folds of a job: which are fitted, which count from before, and how the job ends. No cell is started."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pytest
from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.runs.column_importance import fit_record
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.result import CodeManifest, Cost, FoldResult, NotKept, Provenance
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.jobs.accept_outputs import score_outputs, sketch_folds
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.evaluation.jobs.evaluation_job import EvaluationEnd, RoundDone, Scored
from bakeoff.evaluation.jobs.folds.evaluate_folds_in_turn import (
    EarlierFold,
    evaluate_folds,
    evaluate_one_fold,
    remove_parts,
)
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)
from bakeoff.evaluation.metrics.metric_names import importance_rules
from bakeoff.evaluation.reuse.job_provenance import look_before, parts_of
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.evaluation.statistics.cross_validated_scores import out_of_fold
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.settings.setting_definitions import DatasetSettings
from registry.code.library_versions import cell_environment

ROWS, FOLDS = 40, 4
COST = Cost(fit_s=1.0, predict_s=0.5, cpu_s=1.0, peak_memory_mb=10.0, granted_threads=1)
CANDIDATE = a_candidate(id="guess", path="sklearn.dummy:DummyClassifier")
ERROR = JobError(type="ValueError", message="no", phase=Phase.FIT)


class Kept:
    """Where folds are kept, as the database does it; a lost lease refuses them."""

    def __init__(self, goal: int = 1000) -> None:
        self.folds: dict[int, FoldResult] = {}
        self.sketches: dict[int, bytes | None] = {}
        self.is_ours = True
        self.others: list[EarlierFold] = []
        self.until = goal  #: fits that it may have before the next look of its race
        self.by_jobs: dict[int, FoldResult | Faulty | Stopped] = {}

    def present(self) -> dict[int, FoldResult]:
        return dict(self.folds)

    def earlier(self, place: int) -> list[EarlierFold]:
        return [one for one in self.others if one.fold.place == place]

    def elsewhere(self, place: int) -> FoldResult | Faulty | Stopped | None:
        return self.by_jobs.get(place)

    def keep(self, fold: FoldResult, sketch: bytes | None) -> bool:
        if self.is_ours:
            self.folds[fold.place] = fold
            self.sketches[fold.place] = sketch
        return self.is_ours

    def goal(self) -> int:
        return self.until


class Fits:
    """Stands for the cells: predicts ones, and notes which fits it was asked for."""

    def __init__(self, ends: dict[str, EvaluationEnd] | None = None) -> None:
        self.asked: list[str] = []
        self.timeouts: list[float] = []
        self.to_tune: list[float] = []
        self._ends = ends or {}

    def __call__(self, part: EvaluationUnderWay) -> EvaluationEnd:
        name = "refit" if part.refit else f"{part.seed_place}:{part.fold}"
        self.asked.append(name)
        self.timeouts.append(part.job.timeout_s)
        self.to_tune.append(part.tune_s)
        if name in self._ends:
            return self._ends[name]

        def opened(name: str) -> IO[bytes]:
            return part.inputs[name].open("rb")

        data = read_snapshot.open_snapshot(
            part.paths.snapshot / "open", open_part=opened if part.part else None
        )
        # With each seed it predicts something else.
        predicted = (np.arange(len(data.X_test)) % (part.seed_place + 2) > 0).astype(int)
        np.save(part.paths.predictions, predicted)
        return Scored(
            scores=score_outputs(part), cost=COST, provenance=provenance(part, sha256(part.paths.predictions))
        )


def provenance(part: EvaluationUnderWay, predictions: str) -> Provenance:
    parts = parts_of(
        part.job.candidate,
        dataset=part.run.dataset,
        seed=part.run.seed,
        code=look_before(part.job.candidate, part.paths.root).code,
        surroundings=cell_environment(),
    )
    manifest = CodeManifest(commit=None, cpu="a processor", packages={})
    return Provenance(parts=parts, seen={}, predictions=predictions, manifest=manifest)


@pytest.fixture
def under_way(tmp_path: Path) -> Callable[..., EvaluationUnderWay]:
    frame = pd.DataFrame({"a": np.arange(ROWS) % 7, "y": np.arange(ROWS) % 2})
    frame.to_csv(tmp_path / "d.csv", index=False)

    def under_way(*, seeds: int = 1, folds: int = FOLDS, saves: bool = False) -> EvaluationUnderWay:
        pinned = pin(
            PinRequest(
                dataset=DatasetSettings(source="csv", path="d.csv", target="y"),
                name="d",
                root=tmp_path,
                snapshots=tmp_path / "snapshots",
                seed=0,
                test_size=0.25,
                design=Design(folds=folds),
            )
        )
        dataset = replace(pinned.ref, design=replace(pinned.ref.design, seeds=seeds))
        rules = ScoringRules(metrics=("accuracy",), average=Average.BINARY, positive_label="1")
        run = a_run(dataset=dataset, rules=rules)
        job = a_job(run, candidate=CANDIDATE)
        return EvaluationUnderWay(
            job=job,
            run=run,
            paths=JobPaths(
                root=tmp_path,
                closed=(),
                snapshot=pinned.folder,
                log=tmp_path / "log",
                predictions=tmp_path / "p.npy",
                model=tmp_path / "m.pkl" if saves else None,
            ),
            grant=Grant(threads=1, memory_mb=None),
            permission=StopsNever(),
        )

    return under_way


def test_each_fold_is_fitted_once_in_order_and_the_whole_is_one_file(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, fits, kept = under_way(), Fits(), Kept()

    end = evaluate_folds(evaluation, fits, kept)

    assert isinstance(end, Scored)
    assert fits.asked == ["0:0", "0:1", "0:2", "0:3"]
    assert list(kept.folds) == [0, 1, 2, 3]
    assert len(np.load(evaluation.paths.predictions)) == ROWS
    assert end.provenance is not None
    assert end.provenance.predictions == sha256(evaluation.paths.predictions)
    assert (end.cost.fit_s, end.cost.peak_memory_mb) == (4.0, 10.0)
    remove_parts(evaluation)
    assert [path.name for path in evaluation.paths.predictions.parent.glob("p*.npy")] == ["p.npy"]


def test_in_a_race_it_stops_at_each_look_and_goes_on_where_it_was(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, fits, kept = under_way(), Fits(), Kept(goal=1)
    racing = replace(evaluation, run=replace(evaluation.run, options={"race": True}))

    assert evaluate_folds(racing, fits, kept) == RoundDone(folds=1)
    kept.until = 3
    assert evaluate_folds(racing, fits, kept) == RoundDone(folds=3)
    kept.until = FOLDS
    assert isinstance(evaluate_folds(racing, fits, kept), Scored)
    assert fits.asked == [f"0:{place}" for place in range(FOLDS)]


def test_the_sketches_that_a_race_keeps_are_those_that_the_whole_is_made_of(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = under_way(), Kept()
    racing = replace(evaluation, run=replace(evaluation.run, options={"race": True}))

    end = evaluate_folds(racing, Fits(), kept)

    assert isinstance(end, Scored)
    whole = out_of_fold([[Sketch.from_bytes(kept.sketches[place] or b"") for place in range(FOLDS)]])
    assert whole.to_bytes() == end.scores.sketches["accuracy"].to_bytes()
    again = sketch_folds(racing.run, racing.job, racing.paths, FOLDS)
    assert [one.to_bytes() for one in again] == list(kept.sketches.values())


def test_folds_that_were_kept_count_and_their_time_does_too(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = under_way(), Kept()
    evaluate_folds(evaluation, Fits(), kept)
    kept.folds = {place: replace(fold, duration_s=1000.0) for place, fold in kept.folds.items() if place != 2}

    fits = Fits()
    end = evaluate_folds(evaluation, fits, kept)

    assert fits.asked == ["0:2"]
    assert fits.timeouts[0] == pytest.approx(evaluation.job.timeout_s - 3000, abs=5)
    assert isinstance(end, Scored)
    assert end.earlier_s == pytest.approx(3000.0, abs=0.1)


def test_a_kept_fold_whose_predictions_are_gone_or_changed_is_fitted_again(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = under_way(), Kept()
    evaluate_folds(evaluation, Fits(), kept)
    folder = evaluation.paths.predictions.parent
    (folder / "p.fold-000.npy").unlink()
    (folder / "p.fold-003.npy").write_bytes(b"damaged")

    fits = Fits()
    evaluate_folds(evaluation, fits, kept)

    assert fits.asked == ["0:0", "0:3"]


def test_kept_folds_of_a_candidate_that_was_changed_meanwhile_do_not_count(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = under_way(), Kept()
    evaluate_folds(evaluation, Fits(), kept)
    other = replace(CANDIDATE, params={"strategy": "uniform"})

    fits = Fits()
    evaluate_folds(replace(evaluation, job=replace(evaluation.job, candidate=other)), fits, kept)

    assert fits.asked == ["0:0", "0:1", "0:2", "0:3"]


@pytest.mark.parametrize("kind", [Faulty(state=JobState.FAILED, error=ERROR), Killed(error=ERROR)])
def test_the_first_fold_that_fails_ends_the_job_and_names_itself(
    under_way: Callable[..., EvaluationUnderWay], kind: Faulty | Killed
) -> None:
    fits, kept = Fits({"0:1": kind}), Kept()

    end = evaluate_folds(under_way(), fits, kept)

    assert end == replace(kind, error=replace(ERROR, message="fold 2 of 4: no"))
    assert fits.asked == ["0:0", "0:1"]
    assert list(kept.folds) == [0]


def test_time_that_ran_out_is_told_as_that_of_the_whole_job(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = under_way(), Kept()
    timed_out = Faulty(state=JobState.TIMED_OUT, error=replace(ERROR, message="longer than 2.5 seconds"))

    end = evaluate_folds(evaluation, Fits({"0:3": timed_out}), kept)
    kept.folds = {place: replace(fold, duration_s=2000.0) for place, fold in kept.folds.items()}
    fits = Fits()
    later = evaluate_folds(evaluation, fits, kept)

    said = "fold 4 of 4: all folds together took longer than 3600 seconds"
    assert isinstance(end, Faulty)
    assert (end.state, end.error.message) == (JobState.TIMED_OUT, said)
    assert isinstance(later, Faulty)
    assert (later.error.message, fits.asked) == (said, [])


def test_whoever_lost_the_job_stops_and_writes_no_whole(under_way: Callable[..., EvaluationUnderWay]) -> None:
    evaluation, fits, kept = under_way(), Fits(), Kept()
    kept.is_ours = False

    assert isinstance(evaluate_folds(evaluation, fits, kept), Stopped)
    assert fits.asked == ["0:0"]
    assert not evaluation.paths.predictions.exists()


def test_a_model_that_cannot_be_fitted_to_all_rows_leaves_the_result_as_it_is(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    fits = Fits({"refit": Faulty(state=JobState.FAILED, error=ERROR)})

    end = evaluate_folds(under_way(saves=True), fits, Kept())

    assert fits.asked[-1] == "refit"
    assert isinstance(end, Scored)
    assert end.fitted == NotKept(problem="fitted once more, it failed: ValueError: no")
    assert end.scores.metrics["accuracy"] is not None


def test_all_folds_are_fitted_with_one_seed_before_the_next(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, fits = under_way(seeds=3, folds=2), Fits()

    end = evaluate_folds(evaluation, fits, Kept())

    assert fits.asked == ["0:0", "0:1", "1:0", "1:1", "2:0", "2:1"]
    assert isinstance(end, Scored)
    assert len(np.load(evaluation.paths.predictions)) == 3 * ROWS
    assert len(end.scores.details["seeds"]) == 3
    assert [record["fitSeconds"] for record in end.scores.details["folds"]] == [1.0] * 6


def test_a_kill_between_two_seeds_changes_nothing(under_way: Callable[..., EvaluationUnderWay]) -> None:
    evaluation, kept = under_way(seeds=3, folds=1), Kept()
    whole = evaluate_folds(evaluation, Fits(), kept)
    assert isinstance(whole, Scored)
    for left in ([0], [0, 1], [1, 2]):
        again = Kept()
        again.folds = {place: kept.folds[place] for place in left}
        fits = Fits()

        end = evaluate_folds(evaluation, fits, again)

        assert isinstance(end, Scored)
        assert end.scores.metrics == whole.scores.metrics
        assert len(fits.asked) == 3 - len(left)


def test_each_fit_has_the_same_time_to_search_however_much_is_left(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, fits = under_way(saves=True), Fits()
    evaluation = replace(evaluation, job=replace(evaluation.job, timeout_s=100.0))

    evaluate_folds(evaluation, fits, Kept())

    assert fits.to_tune == [10.0] * (FOLDS + 1)
    assert replace(evaluation, paths=replace(evaluation.paths, model=None)).tune_s == 50.0


def test_searches_that_ran_out_of_time_are_told_once_with_the_trials_of_each_fold(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = under_way(), Kept()
    evaluate_folds(evaluation, Fits(), kept)
    for place, fold in kept.folds.items():
        tuning = {"wanted": 5, "outOfTime": place > 0, "trials": [{"error": ""}] * (5 - place)}
        kept.folds[place] = replace(fold, choices={"tuning": [tuning]})

    end = evaluate_folds(evaluation, Fits(), kept)

    assert isinstance(end, Scored)
    warnings = [one for one in end.scores.details["warnings"] if "tuned" in one]
    assert warnings == ["tuned with 5, 4, 3, 2 of 5 trials: its time for that was over"]


def of_another_job(evaluation: EvaluationUnderWay) -> tuple[EvaluationUnderWay, Kept]:
    """The same evaluation in another job, to which these folds are known; the third one failed here."""
    kept = Kept()
    error = Faulty(state=JobState.FAILED, error=ERROR)
    evaluate_folds(evaluation, Fits({"0:2": error}), kept)
    other = Kept()
    other.others = [
        EarlierFold(fold=one, predictions=evaluation.paths.predictions) for one in kept.folds.values()
    ]
    paths = replace(evaluation.paths, predictions=evaluation.paths.root / "other" / "q.npy")
    paths.predictions.parent.mkdir()
    return replace(evaluation, paths=paths), other


def test_a_fold_that_another_job_has_kept_is_not_fitted_again(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = of_another_job(under_way())
    alone, fits = Fits(), Fits()

    end = evaluate_folds(evaluation, fits, kept)
    directly = evaluate_folds(replace(evaluation, paths=under_way().paths), alone, Kept())

    assert fits.asked == ["0:2", "0:3"]
    assert list(kept.folds) == [0, 1, 2, 3]
    assert isinstance(end, Scored)
    assert isinstance(directly, Scored)
    assert end.scores.metrics == directly.scores.metrics
    assert end.scores.sketches["accuracy"].to_bytes() == directly.scores.sketches["accuracy"].to_bytes()
    assert end.provenance == directly.provenance
    assert end.cost == directly.cost


def test_its_metrics_are_those_of_this_run(under_way: Callable[..., EvaluationUnderWay]) -> None:
    evaluation, kept = of_another_job(under_way())
    rules = replace(evaluation.run.rules, metrics=("recall", "accuracy"))

    evaluate_folds(replace(evaluation, run=replace(evaluation.run, rules=rules)), Fits(), kept)

    assert list(kept.folds[0].metrics) == ["recall", "accuracy"]


def changed(fold: FoldResult, **changes: object) -> FoldResult:
    assert fold.provenance is not None
    return replace(fold, provenance=replace(fold.provenance, **changes))


def test_a_fold_of_another_job_counts_only_if_a_fit_would_repeat_it(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = of_another_job(under_way())
    first, second = kept.others
    kept.others = [
        replace(first, fold=changed(first.fold, obstacle="it asks the clock")),
        replace(second, fold=changed(second.fold, predictions="0" * 64)),
    ]
    fits = Fits()

    evaluate_folds(evaluation, fits, kept)

    assert fits.asked == ["0:0", "0:1", "0:2", "0:3"]


def test_where_each_fit_is_checked_by_a_second_one_an_unchecked_fold_is_fitted(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = of_another_job(under_way())
    fits = Fits()

    evaluate_folds(replace(evaluation, run=replace(evaluation.run, repeat_check=True)), fits, kept)

    assert fits.asked == ["0:0", "0:1", "0:2", "0:3"]


def test_a_fold_counts_for_importance_only_where_that_was_measured_by_the_rules_of_this_run(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept = of_another_job(under_way())
    run = replace(evaluation.run, options={"importance": True})
    rules = importance_rules(run.rules, run.dataset.target_kind)
    record = fit_record(rules, greater_is_better=True, score=0.9, rows=5, losses={"a": [0.1]})
    first, second = kept.others
    kept.others = [
        replace(first, fold=replace(first.fold, choices={"importance": [record]})),
        replace(second, fold=replace(second.fold, choices={"importance": [{**record, "rules": "others"}]})),
    ]
    fits = Fits()

    evaluate_folds(replace(evaluation, run=run), fits, kept)

    assert fits.asked == ["0:1", "0:2", "0:3"]


def test_folds_that_are_jobs_of_their_own_are_joined_to_what_one_job_gives(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation = under_way()
    alone = evaluate_folds(evaluation, Fits(), Kept())
    remove_parts(evaluation)
    spread, fits = Kept(), Fits()
    for place in (2, 0, 3, 1):
        assert isinstance(evaluate_one_fold(evaluation, place, fits, spread), FoldResult)
    joining = Kept()
    joining.by_jobs = dict(spread.folds)

    joined = evaluate_folds(evaluation, fits, joining)

    assert fits.asked == ["0:2", "0:0", "0:3", "0:1"]
    assert isinstance(alone, Scored)
    assert isinstance(joined, Scored)
    assert joined.scores.metrics == alone.scores.metrics
    assert joined.scores.sketches["accuracy"].to_bytes() == alone.scores.sketches["accuracy"].to_bytes()
    assert (joined.provenance, joined.cost) == (alone.provenance, alone.cost)


def test_the_wait_for_folds_that_are_fitted_elsewhere_is_no_time_of_the_candidate(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    class Slow(Kept):
        def elsewhere(self, place: int) -> FoldResult | Faulty | Stopped | None:
            time.sleep(0.05)
            return super().elsewhere(place)

    evaluation = under_way()
    spread, joining = Kept(), Slow()
    for place in range(4):
        evaluate_one_fold(evaluation, place, Fits(), spread)
    joining.by_jobs = dict(spread.folds)
    began = time.monotonic()
    joined = evaluate_folds(evaluation, Fits(), joining)
    wall_s, of_folds_s = time.monotonic() - began, sum(fold.duration_s for fold in spread.folds.values())

    assert isinstance(joined, Scored)
    assert wall_s + joined.earlier_s <= wall_s + of_folds_s - 4 * 0.05


def test_a_fold_that_failed_in_its_own_job_ends_the_whole_with_its_error(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    kept, fits = Kept(), Fits()
    kept.by_jobs = {1: Faulty(state=JobState.FAILED, error=ERROR)}

    end = evaluate_folds(under_way(), fits, kept)

    assert end == kept.by_jobs[1]
    assert fits.asked == ["0:0"]


def test_a_fold_whose_predictions_are_gone_when_it_is_joined_is_fitted_there(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, spread = under_way(), Kept()
    kept, fits = Kept(), Fits()
    for place in range(FOLDS):
        evaluate_one_fold(evaluation, place, Fits(), spread)
    kept.by_jobs = dict(spread.folds)
    evaluation.paths.predictions.with_suffix(".fold-001.npy").unlink()

    assert isinstance(evaluate_folds(evaluation, fits, kept), Scored)
    assert fits.asked == ["0:1"]


def test_fits_with_more_seeds_do_not_count_where_the_first_one_says_all(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    """Their jobs may have begun before that was known."""
    evaluation = under_way(seeds=3)
    kept, fits = Kept(), Fits()
    for place in range(2 * FOLDS):
        evaluate_one_fold(evaluation, place, fits, kept)
    kept.folds = {place: replace(fold, uses_seed=False) for place, fold in kept.folds.items()}

    assert evaluate_one_fold(evaluation, 2 * FOLDS, fits, kept) is None
    end = evaluate_folds(evaluation, fits, kept)

    assert isinstance(end, Scored)
    assert len(fits.asked) == 2 * FOLDS
    assert len(np.load(evaluation.paths.predictions)) == ROWS


def test_the_time_limit_of_a_fold_is_what_the_others_have_left_of_that_of_the_whole(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation, kept, fits = under_way(), Kept(), Fits()
    evaluate_one_fold(evaluation, 0, fits, kept)
    kept.folds[0] = replace(kept.folds[0], duration_s=evaluation.job.timeout_s - 7)

    evaluate_one_fold(evaluation, 1, fits, kept)

    assert fits.timeouts[-1] == 7.0
