"""The search for parameters: what it looks at, what it keeps, and that it goes on where it was."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design, TargetKind
from bakeoff.domain.tuning import ChoosingRules, Sampler, Trial, TrialState, TunedThreshold, Tuning
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.jobs.choosing.accept_choices import accept_choices, warnings_about
from bakeoff.evaluation.jobs.choosing.inner_folds import inner_folds
from bakeoff.evaluation.jobs.choosing.parameter_search import Search, search
from bakeoff.evaluation.jobs.choosing.trial_file import (
    begin_line,
    end_line,
    first_line,
    note_death,
    over_line,
    trials_kept,
)
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError

ROWS = 60
SPACE = {"cut": {"uniform": [0.0, 1.0]}, "way": ["a", "b"]}
CANDIDATE = Candidate(
    id="stump",
    version="1",
    path="zoo:Stump",
    tune=Tuning(
        params=SPACE, trials=12, rules=ChoosingRules(metric="accuracy", positive_label="1", average="binary")
    ),
)
AUC = ChoosingRules(metric="roc_auc", positive_label="1", average="binary")


def data(design: Design = ONE_SPLIT, units: np.ndarray | None = None) -> Data:
    x = np.linspace(0, 1, ROWS)
    return Data(
        X_train=pd.DataFrame({"x": x}),
        y_train=(x > 0.7).astype(int),
        X_test=pd.DataFrame({"x": np.full(5, 99.0)}),
        target_kind=TargetKind.BINARY,
        classes=(0, 1),
        fields=(),
        units=units,
        design=design,
        seed=0,
    )


class Stump:
    def __init__(self, cut: float) -> None:
        self.cut = cut

    def predict(self, X: pd.DataFrame) -> Any:
        assert X["x"].max() <= 1, "these are the test rows"
        return (X["x"] > self.cut).to_numpy().astype(int)


def fit(candidate: Candidate, rows: Data) -> Stump:
    assert rows.X_train["x"].max() <= 1, "these are the test rows"
    if candidate.params["way"] == "b":
        raise ValueError("b is no way")
    return Stump(candidate.params["cut"])


def searched(
    candidate: Candidate = CANDIDATE,
    *,
    earlier: Sequence[Mapping[str, Any]] = (),
    keep: Any = lambda _: None,
    longest_s: float = 600,
    seed: int = 7,
) -> Search:
    return search(candidate, data(), fit, seed=seed, longest_s=longest_s, earlier=earlier, keep=keep)


def tuned(**changes: Any) -> Candidate:
    assert CANDIDATE.tune is not None
    return replace(CANDIDATE, tune=replace(CANDIDATE.tune, **changes))


def without_seconds(found: Search) -> list[dict[str, Any]]:
    return [{**trial.to_json(), "seconds": 0} for trial in found.trials]


def test_it_finds_what_is_best_on_training_rows_and_never_looks_at_test_rows() -> None:
    found = searched()

    assert abs(found.best.params["cut"] - 0.7) < 0.15
    assert found.best.params["way"] == "a"
    assert not found.out_of_time


class NoProbabilities(Stump):
    def predict_proba(self, _: pd.DataFrame) -> Any:
        raise AssertionError("accuracy needs none")


def test_probabilities_are_asked_for_only_where_the_metric_needs_them() -> None:
    candidate = tuned(params={"cut": [0.6, 0.7]}, trials=1)

    def fit(candidate: Candidate, _: Data) -> Stump:
        return NoProbabilities(candidate.params["cut"])

    found = search(candidate, data(), fit, seed=7, longest_s=600, earlier=(), keep=lambda _: None)

    assert found.best.value is not None


def test_too_few_groups_are_said_with_the_cure() -> None:
    with pytest.raises(EntryFailure, match="cannot be divided into 3 inner folds") as raised:
        search(
            CANDIDATE,
            data(Design(group="who"), np.arange(ROWS) % 2),
            fit,
            seed=7,
            longest_s=600,
            earlier=(),
            keep=lambda _: None,
        )

    assert raised.value.hint == "ask for fewer folds below `tune`"


def test_a_trial_that_fails_is_kept_with_its_error_and_the_search_goes_on() -> None:
    failed = [trial for trial in searched().trials if trial.state == "failed"]

    assert failed
    assert {(trial.value, trial.error) for trial in failed} == {(None, "ValueError: b is no way")}


def test_a_search_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    lines: list[bytes] = []
    whole = searched(keep=lines.append)
    file = tmp_path / "trials.jsonl"
    file.write_bytes(
        first_line("this") + b"".join(lines[:11]) + lines[11][:20]
    )  # killed while it wrote how the sixth trial ended

    kept = trials_kept(file, of="this")
    resumed = searched(earlier=as_json(kept.trials))

    assert len(kept.trials) == 5
    assert without_seconds(resumed) == without_seconds(whole)


def as_json(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    return [trial.to_json() for trial in trials]


def a_file(tmp_path: Path, *lines: bytes) -> Path:
    file = tmp_path / "trials.jsonl"
    file.write_bytes(b"".join([first_line("this"), *lines]))
    return file


def ended(number: int) -> bytes:
    state = TrialState.COMPLETE
    return end_line(Trial(number=number, params={}, state=state, value=0.5, folds=(0.5,), seconds=1.0))


def test_a_trial_that_ended_its_cell_has_failed_and_the_next_one_follows(tmp_path: Path) -> None:
    file = a_file(tmp_path, begin_line(0, {}), ended(0), begin_line(1, {"cut": 0.5}), b'{"numb')

    assert note_death(file, of="this", cause="SIGSEGV")
    assert not note_death(file, of="this", cause="another cell, which died in no trial")

    failed = trials_kept(file, of="this").trials[1]
    assert (failed.number, failed.params, failed.state) == (1, {"cut": 0.5}, "failed")
    assert failed.error == "it ended its cell: SIGSEGV"
    assert trials_kept(file, of="this").deaths == 1


def test_no_trial_is_blamed_for_a_cell_that_died_when_the_search_was_over(tmp_path: Path) -> None:
    file = a_file(tmp_path, begin_line(0, {}), ended(0), begin_line(1, {}), over_line())

    assert not note_death(file, of="this", cause="SIGKILL")


def test_a_trial_that_was_under_way_when_its_worker_died_is_tried_once_more(tmp_path: Path) -> None:
    file = a_file(tmp_path, begin_line(0, {}))
    assert trials_kept(file, of="this").trials == ()

    with file.open("ab") as opened:
        opened.write(begin_line(0, {}))
    [failed] = trials_kept(file, of="this").trials
    assert failed.error == "it ended its cell: its worker died with it, twice"

    with file.open("ab") as opened:
        opened.write(begin_line(1, {}) + ended(1))
    assert [trial.state for trial in trials_kept(file, of="this").trials] == ["failed", "complete"]


def test_what_a_candidate_forges_in_the_file_is_passed_over(tmp_path: Path) -> None:
    forged = [b"[]", b"7", b'{"begun": 1}', b'{"begun": 0, "params": {"a": NaN}, "at": 0}', b"{" * 5000]
    file = a_file(tmp_path, *(line + b"\n" for line in forged), begin_line(0, {}), ended(0))

    assert [trial.number for trial in trials_kept(file, of="this").trials] == [0]


def test_trials_that_ended_their_cells_are_told_in_a_warning(tmp_path: Path) -> None:
    file = a_file(tmp_path, begin_line(0, {"cut": 0.5, "way": "a"}))
    note_death(file, of="this", cause="SIGSEGV")

    found = searched(earlier=as_json(trials_kept(file, of="this").trials))

    accepted = accept_choices({"chosen": {"tuning": found.to_record()}}, CANDIDATE)
    assert len(found.trials) == 12
    assert warnings_about(accepted) == ["1 trial ended the cell, the last one so: SIGSEGV"]


def test_another_seed_suggests_something_else_and_the_same_one_the_same() -> None:
    random = tuned(sampler=Sampler.RANDOM)

    assert without_seconds(searched(random)) == without_seconds(searched(random))
    assert without_seconds(searched(random, seed=8)) != without_seconds(searched(random))
    tried = [{trial.params["cut"] for trial in searched(random, seed=seed).trials} for seed in (7, 8)]
    assert not tried[0] & tried[1]


def test_when_its_time_is_over_the_best_so_far_counts_and_that_is_said() -> None:
    lines: list[bytes] = []
    searched(keep=lines.append)
    ends = [json.loads(line) for line in lines if b"number" in line]
    earlier = [{**end, "seconds": 1.0} for end in ends[:6]]

    found = searched(tuned(seconds=5.0), earlier=earlier)
    accepted = accept_choices({"chosen": {"tuning": found.to_record()}}, CANDIDATE)

    assert len(found.trials) == 6
    assert warnings_about(accepted) == ["tuned with 6 of 12 trials: its time for that was over"]


def test_without_any_trial_there_is_an_error_with_its_cure() -> None:
    with pytest.raises(EntryFailure, match="no trial came to its end within 1e-09 seconds") as raised:
        searched(tuned(seconds=1e-9))

    assert "more seconds" in raised.value.hint


def test_if_all_trials_fail_the_last_error_is_told() -> None:
    with pytest.raises(EntryFailure, match="each of 3 trials failed, the last one with ValueError: b is no"):
        searched(tuned(trials=3, params={"cut": [0.5], "way": ["b"]}))


def test_a_parameter_that_the_class_does_not_have_fails_its_trials_and_ends_no_cell() -> None:
    misspelt = replace(tuned(trials=3, params={"cat": [0.5]}), path=f"{__name__}:Stump")

    with pytest.raises(EntryFailure, match=r"the search of stump names 'cat', and .* did you mean 'cut'"):
        searched(misspelt)


def test_what_is_no_record_of_a_search_is_refused() -> None:
    for forged in ({}, {"trials": [{"number": -1}]}, {"trials": [], "best": 0, "outOfTime": False}):
        with pytest.raises(ForgedReportError):
            accept_choices({"chosen": {"tuning": forged}}, CANDIDATE)


@pytest.mark.parametrize(
    "forged", [{"value": math.nan}, {"value": 10**400}, {"value": None}, {"seconds": math.inf}]
)
def test_a_trial_with_a_number_that_no_database_holds_is_refused(forged: dict[str, Any]) -> None:
    record = searched().to_record()
    trials = [
        {**trial, **forged} if trial["number"] == record["best"] else trial for trial in record["trials"]
    ]

    with pytest.raises(ForgedReportError):
        accept_choices({"chosen": {"tuning": {**record, "trials": trials}}}, CANDIDATE)


@pytest.mark.parametrize("params", [{"cut": math.nan}, {"cut": [math.inf]}])
def test_so_is_one_with_such_a_parameter(params: dict[str, Any]) -> None:
    record = searched().to_record()
    trials = [{**trial, "params": params} for trial in record["trials"]]

    with pytest.raises(ForgedReportError):
        accept_choices({"chosen": {"tuning": {**record, "trials": trials}}}, CANDIDATE)


@pytest.mark.parametrize("threshold", [math.nan, -math.inf, 10**400, None, [0.5]])
def test_so_is_such_a_threshold(threshold: Any) -> None:
    candidate = replace(CANDIDATE, tune=None, tuned_threshold=TunedThreshold(rules=ChoosingRules()))

    with pytest.raises(ForgedReportError, match="holds no threshold"):
        accept_choices({"chosen": {"threshold": threshold}}, candidate)


def test_trials_of_another_candidate_are_none(tmp_path: Path) -> None:
    lines: list[bytes] = []
    searched(keep=lines.append)
    file = tmp_path / "trials.jsonl"
    file.write_bytes(first_line("this") + b"".join(lines))

    assert len(trials_kept(file, of="this").trials) == 12
    assert not trials_kept(file, of="another").has_begun


def test_if_the_metric_is_undefined_in_each_trial_fewer_folds_are_the_cure() -> None:
    one_class = replace(data(), y_train=np.ones(ROWS, dtype=int))
    auc = tuned(trials=2, params={"cut": [0.5], "way": ["a"]}, rules=AUC)

    with pytest.raises(EntryFailure, match="roc_auc is undefined") as raised:
        search(auc, one_class, fit, seed=7, longest_s=600, earlier=(), keep=lambda _: None)

    assert raised.value.hint == "ask for fewer folds, or name another metric, below `tune`"


def test_why_optuna_cannot_be_imported_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(EntryFailure, match=r"Optuna cannot be imported: ModuleNotFoundError: .*optuna"):
        searched()


def test_inner_folds_leave_groups_whole() -> None:
    groups = np.arange(ROWS) % 10

    for fold in inner_folds(data(Design(group="who"), groups), 3, seed=0, hint=""):
        tested = set(np.flatnonzero(np.isin(data().X_train["x"], fold.data.X_test["x"])) % 10)
        trained = set(np.flatnonzero(np.isin(data().X_train["x"], fold.data.X_train["x"])) % 10)
        assert tested
        assert not tested & trained


def test_inner_folds_by_time_train_on_what_is_earlier() -> None:
    folds = list(inner_folds(data(Design(time="day"), np.arange(ROWS)), 3, seed=0, hint=""))

    assert len(folds) == 3
    assert all(fold.data.X_train["x"].max() < fold.data.X_test["x"].min() for fold in folds)


def test_a_snapshot_that_does_not_know_its_groups_is_refused_with_the_cure() -> None:
    with pytest.raises(EntryFailure, match="which training rows stay together"):
        next(inner_folds(data(Design(group="who")), 3, seed=0, hint=""))
