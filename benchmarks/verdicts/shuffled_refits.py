"""How often the shuffle check flags honest candidates, and candidates that know the test rows from elsewhere.

Each set of data is drawn anew, of one of three kinds of target, with few rows, where chance is greatest.
An honest candidate learns from what it is given; the features may say all, something or nothing of the
target. `copy` is a column that is the target in other words, and `subjects` are persons with rows on both
sides of the split: traps that shuffling does not show, and which the checks of the data find.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.random import Generator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.finding import ShuffleCheck
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.checks.shuffled_labels import above_chance, is_decided, is_leak
from bakeoff.evaluation.jobs.fit_and_predict import shuffled_labels
from benchmarks.verdicts.rate_tables import Figure, Table, mean, share
from benchmarks.verdicts.simulated_scores import stream
from registry.columns.check_predictions import Predictions

_TRAIN, _TEST, _COLUMNS = 225, 75, 6
_RULES: Mapping[TargetKind, ScoringRules] = {
    TargetKind.BINARY: ScoringRules(metrics=("roc_auc",), positive_label="1", average=Average.BINARY),
    TargetKind.MULTICLASS: ScoringRules(metrics=("f1",), average=Average.MACRO),
    TargetKind.REGRESSION: ScoringRules(metrics=("r2",)),
}
_CLASSIFIERS: Mapping[str, Callable[[], Any]] = {
    "logistic": lambda: LogisticRegression(max_iter=300),
    "tree": lambda: DecisionTreeClassifier(max_depth=3, random_state=0),
    "1-NN": lambda: KNeighborsClassifier(1),
}
_REGRESSORS: Mapping[str, Callable[[], Any]] = {
    "ridge": Ridge,
    "tree": lambda: DecisionTreeRegressor(max_depth=3, random_state=0),
    "1-NN": lambda: KNeighborsRegressor(1),
}
_HONEST = ("noise", "some signal", "copy", "subjects")
_LEAKS = ("table of all answers", "table of nine in ten", "fitted before to all rows")


class _Table:
    """Answers from a table of rows, whatever it was fitted to; guesses where that has none."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self._answers = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
        self._guess = y[0]

    def fit(self, *_: np.ndarray) -> "_Table":
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.array([self._answers.get(row.tobytes(), self._guess) for row in X])


class _FittedBefore(_Table):
    """Keeps what it has learned of all rows when it is fitted again."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, X: np.ndarray) -> np.ndarray:
        answers: np.ndarray = self._model.predict(X)
        return answers


def tables(runs: int, seed: int, only: str) -> Iterator[Table]:
    honest: dict[str, list[ShuffleCheck]] = {}
    for kind in _RULES:
        for name in _REGRESSORS if kind is TargetKind.REGRESSION else _CLASSIFIERS:
            for data in _HONEST:
                case = f"{kind} {name}, {data}"
                if only in case:
                    chance = stream(seed, case)
                    honest[case] = [_honest(kind, name, data, chance) for _ in range(runs)]
    figures = [
        figure
        for case, checks in [*honest.items(), ("all of them", list(chain.from_iterable(honest.values())))]
        if checks
        for figure in (
            share(case, "flagged, %", [float(is_leak(check)) for check in checks]),
            mean(case, "refits", [len(check.above_chance) for check in checks]),
        )
    ]
    yield Table(title="Honest candidates (300 rows)", figures=figures, digits=2)
    leaks = [(kind, leak) for kind in _RULES for leak in _LEAKS if only in f"{kind} {leak}"]
    yield Table(
        title="Candidates that know the test rows (300 rows)",
        figures=[_of_leak(kind, leak, max(1, runs // 10), seed) for kind, leak in leaks],
    )


def _of_leak(kind: TargetKind, leak: str, runs: int, seed: int) -> Figure:
    case = f"{kind} {leak}"
    chance = stream(seed, case)
    return share(case, "flagged, %", [float(is_leak(_leaking(kind, leak, chance))) for _ in range(runs)])


def _honest(kind: TargetKind, name: str, data: str, chance: Generator) -> ShuffleCheck:
    X, y = _drawn(kind, data, chance)
    models = _REGRESSORS if kind is TargetKind.REGRESSION else _CLASSIFIERS
    return _checked(models[name], X, y, kind)


def _leaking(kind: TargetKind, leak: str, chance: Generator) -> ShuffleCheck:
    X, y = _drawn(kind, "some signal", chance)
    if leak == "fitted before to all rows":
        models = _REGRESSORS if kind is TargetKind.REGRESSION else _CLASSIFIERS
        return _checked(lambda: _FittedBefore(models["tree"]().fit(X, y)), X, y, kind)
    known = chance.random(len(y)) < (1.0 if leak == "table of all answers" else 0.9)
    return _checked(lambda: _Table(X[known], y[known]), X, y, kind)


def _checked(make: Callable[[], Any], X: np.ndarray, y: np.ndarray, kind: TargetKind) -> ShuffleCheck:
    scores: list[float] = []
    classes = () if kind is TargetKind.REGRESSION else tuple(np.unique(y).tolist())
    while not is_decided(scores):
        model = make().fit(X[:_TRAIN], shuffled_labels(y[:_TRAIN], refit=len(scores)))
        beside = model.predict_proba(X[_TRAIN:]) if hasattr(model, "predict_proba") else None
        predictions = Predictions(
            values=model.predict(X[_TRAIN:]), output_kind=OutputKind.LABELS, probabilities=beside
        )
        rules = _RULES[kind]
        scores.append(above_chance(y[_TRAIN:], predictions, target_kind=kind, classes=classes, rules=rules))
    return ShuffleCheck(candidate="it", above_chance=tuple(scores))


def _drawn(kind: TargetKind, data: str, chance: Generator) -> tuple[np.ndarray, np.ndarray]:
    rows = _TRAIN + _TEST
    X = chance.standard_normal((rows, _COLUMNS))
    hidden = chance.standard_normal(rows)
    if data == "some signal":
        hidden = hidden + X[:, 0] - X[:, 1]
    if data == "subjects":
        of_row = chance.integers(0, 30, rows)
        X = chance.standard_normal((30, _COLUMNS))[of_row] + 0.05 * X
        hidden = chance.standard_normal(30)[of_row]
    y = hidden
    if kind is TargetKind.BINARY:
        y = (hidden > np.quantile(hidden, 0.6)).astype(int)
    elif kind is TargetKind.MULTICLASS:
        y = np.digitize(hidden, np.quantile(hidden, [0.5, 0.8]))
    if data == "copy":
        X[:, 0] = 10 - 3 * y
    return X, y
