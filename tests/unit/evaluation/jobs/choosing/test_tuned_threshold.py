"""A threshold that is chosen on training rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import Candidate, OutputKind
from bakeoff.domain.snapshot_reference_and_split_design import Design, TargetKind
from bakeoff.domain.tuning import ChoosingRules, Costs, TunedThreshold
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.jobs.choosing.tuned_threshold import best_threshold

P = np.linspace(0, 1, 200)
DATA = Data(
    X_train=pd.DataFrame({"p": P}),
    y_train=np.where(np.random.default_rng(0).random(200) < P, "yes", "no"),
    X_test=pd.DataFrame({"p": [99.0]}),
    target_kind=TargetKind.BINARY,
    classes=("no", "yes"),
    fields=(),
    seed=0,
)


class Calibrated:
    def predict(self, X: pd.DataFrame) -> Any:
        return np.where(X["p"] >= 0.5, "yes", "no")

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return np.column_stack([1 - X["p"], X["p"]])


class Constant:
    """What it says is a little different in each fold, as the share of a class is."""

    def predict(self, X: pd.DataFrame) -> Any:
        return np.full(len(X), "no")

    def predict_proba(self, X: pd.DataFrame) -> Any:
        positive = np.full(len(X), 0.1 + X["p"].iloc[0] / 1000)
        return np.column_stack([1 - positive, positive])


class Labels:
    def predict(self, X: pd.DataFrame) -> Any:
        return np.full(len(X), "no")


class Scores:
    def predict(self, X: pd.DataFrame) -> Any:
        return X["p"].to_numpy() * 10


def chosen(
    model: Any,
    *,
    costs: Costs,
    positive: str = "yes",
    kind: OutputKind = OutputKind.LABELS,
    metric: str = "expected_cost",
    data: Data = DATA,
) -> float:
    rules = ChoosingRules(metric=metric, positive_label=positive, average="binary", costs=costs)
    candidate = Candidate(id="m", version="1", output_kind=kind, tuned_threshold=TunedThreshold(rules=rules))
    return best_threshold(candidate, data, lambda *_: model, seed=0)


def test_dear_false_negatives_lower_it_and_dear_false_positives_raise_it() -> None:
    low = chosen(Calibrated(), costs=Costs(false_positive=1, false_negative=9))
    high = chosen(Calibrated(), costs=Costs(false_positive=9, false_negative=1))

    assert low < 0.3
    assert high > 0.7


def test_it_is_that_of_the_positive_class_also_if_that_is_the_first_one() -> None:
    assert chosen(Calibrated(), costs=Costs(false_positive=1, false_negative=9), positive="no") < 0.3


def test_scores_have_one_on_their_own_scale() -> None:
    costs = Costs(false_positive=9, false_negative=1)

    assert 7 < chosen(Scores(), costs=costs, kind=OutputKind.SCORE) < 10


@pytest.mark.parametrize(("rare", "is_above"), [("yes", True), ("no", False)])
def test_a_model_that_tells_no_rows_apart_answers_the_majority(rare: str, *, is_above: bool) -> None:
    often = "no" if rare == "yes" else "yes"
    data = replace(DATA, y_train=np.where(np.arange(200) % 10 == 0, rare, often))

    found = chosen(Constant(), costs=Costs(false_positive=1, false_negative=1), metric="accuracy", data=data)

    assert (found > 0.11) is is_above
    assert (found < 0.1) is not is_above


def test_of_many_thresholds_those_that_make_all_or_none_positive_are_tried_too() -> None:
    many = replace(DATA, X_train=pd.DataFrame({"p": np.linspace(0, 1, 1000)}), y_train=np.repeat("no", 1000))
    none_pays = Costs(false_positive=1, false_negative=1e-9)

    assert chosen(Calibrated(), costs=none_pays, data=replace(many, y_train=np.tile(["no", "yes"], 500))) > 1
    all_pay = Costs(false_positive=1e-9, false_negative=1)
    assert chosen(Calibrated(), costs=all_pay, data=replace(many, y_train=np.tile(["yes", "no"], 500))) < 0


@pytest.mark.parametrize(
    "design", [Design(fold_column="f"), Design(group="g"), Design(time="t"), Design(time="t", folds=3)]
)
def test_of_few_groups_or_times_there_are_fewer_inner_folds(design: Design) -> None:
    costs = Costs(false_positive=1, false_negative=9)

    for units in (3, 4):
        data = replace(DATA, design=design, units=np.arange(200) * units // 200)
        assert chosen(Calibrated(), costs=costs, data=data) < 0.5


def test_of_one_group_none_is_chosen_and_the_cure_is_another_threshold() -> None:
    one = replace(DATA, design=Design(group="g"), units=np.zeros(200))

    with pytest.raises(EntryFailure, match="cannot be divided into 2 inner folds") as raised:
        chosen(Calibrated(), costs=Costs(false_positive=1, false_negative=9), data=one)

    assert raised.value.hint == "give a number as threshold, or more training rows"


def test_a_model_that_has_labels_alone_is_refused_with_the_cure() -> None:
    with pytest.raises(EntryFailure, match="nothing to act on") as raised:
        chosen(Labels(), costs=Costs(false_positive=1, false_negative=1))

    assert "output_kind: proba" in raised.value.hint
