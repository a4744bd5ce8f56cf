"""A threshold that is chosen on training rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import Candidate, OutputKind
from bakeoff.domain.dataset import TargetKind
from bakeoff.domain.tuning import ChoosingRules, Costs, TunedThreshold
from bakeoff.evaluation.datasets.snapshot import Data
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


class Labels:
    def predict(self, X: pd.DataFrame) -> Any:
        return np.full(len(X), "no")


class Scores:
    def predict(self, X: pd.DataFrame) -> Any:
        return X["p"].to_numpy() * 10


def chosen(model: Any, *, costs: Costs, positive: str = "yes", kind: OutputKind = OutputKind.LABELS) -> float:
    rules = ChoosingRules(metric="expected_cost", positive_label=positive, average="binary", costs=costs)
    candidate = Candidate(id="m", version="1", output_kind=kind, tuned_threshold=TunedThreshold(rules=rules))
    return best_threshold(candidate, DATA, lambda *_: model, seed=0)


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


def test_a_model_that_has_labels_alone_is_refused_with_the_cure() -> None:
    with pytest.raises(EntryFailure, match="nothing to act on") as raised:
        chosen(Labels(), costs=Costs(false_positive=1, false_negative=1))

    assert "output_kind: proba" in raised.value.hint
