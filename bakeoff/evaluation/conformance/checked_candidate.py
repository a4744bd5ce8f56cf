"""In the cell: the candidate that is checked, small data to check it with, and its answers to them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.domain.candidate import Candidate, Learns, OutputKind, Preprocess
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.conformance.conformance_check_runner import CheckFailedError
from bakeoff.evaluation.datasets.canonical_column import STRING, Field
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.jobs.default_preprocessing import with_preprocessing
from bakeoff.evaluation.jobs.labels_and_weights_for_fit import needs_codes, with_codes
from registry.catalog.search_space import with_first_values
from registry.code.model_building import build, require_predict
from registry.columns.check_predictions import check_predictions

if TYPE_CHECKING:
    import pandas as pd

SEED = 0
_NAMES = ("width", "height", "depth", "age", "income")
_ROWS, _TEST_ROWS = 160, 64
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallData:
    X: "pd.DataFrame"
    y: np.ndarray
    X_test: "pd.DataFrame"
    y_test: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    predictions: np.ndarray
    probabilities: np.ndarray | None  #: None without predict_proba

    def of(self, rows: Any) -> "Answers":
        beside = None if self.probabilities is None else self.probabilities[rows]
        return Answers(predictions=self.predictions[rows], probabilities=beside)


@dataclass(kw_only=True, eq=False)
class FittedCandidate:
    own: Any  #: the object of the candidate's class
    model: Any  #: what is given the frame
    seconds: float


@dataclass(kw_only=True, eq=False)
class CheckedCandidate:
    candidate: Candidate
    root: Path
    threads: int  #: that it was granted
    learns: Learns = Learns.CLASSES
    positive_input: bool = False  #: it says that it takes no negative numbers
    positive_target: bool = False
    fitted_on_base: FittedCandidate | None = None  #: left by the check `learns`
    base_answers: Answers | None = None  #: left by the check `shape`
    network: list[str] = field(default_factory=list)  #: what it tried to reach

    @cached_property
    def data(self) -> SmallData:
        return self.made(_ROWS, seed=1)

    @property
    def base(self) -> FittedCandidate:
        assert self.fitted_on_base is not None  # noqa: S101 - every check that uses it needs `learns`
        return self.fitted_on_base

    @property
    def answers(self) -> Answers:
        assert self.base_answers is not None  # noqa: S101 - every check that uses them needs `shape`
        return self.base_answers

    def made(self, rows: int, *, seed: int, test_rows: int = _TEST_ROWS) -> SmallData:
        """Five numbers, of which the target depends on three, with some noise."""
        import pandas as pd

        rs = np.random.RandomState(seed)
        names = list(self.candidate.features or _NAMES)
        x = rs.standard_normal((rows + test_rows, len(names)))
        x[:, 0] = 10 * x[:, 0] + 50
        parts = np.stack([(x[:, 0] - 50) / 10, *(x[:, place % len(names)] for place in (1, 2))])
        score = parts[0] + parts[1] * 0.8 + np.abs(parts[2]) + 0.3 * rs.standard_normal(len(x))
        y = score if self.learns is Learns.NUMBERS else (score > np.median(score)).astype(np.int64)
        if self.positive_input:
            x = np.abs(x)
        if self.positive_target and self.learns is Learns.NUMBERS:
            y = np.exp(y / 2)
        frame = pd.DataFrame(x, columns=names)
        test = frame.iloc[rows:].reset_index(drop=True)
        return SmallData(X=frame.iloc[:rows].copy(), y=y[:rows], X_test=test, y_test=y[rows:])

    def constructed(self, seed: int = SEED) -> Any:
        return build(with_first_values(self.candidate), root=self.root, seed=seed)

    def fit(self, X: "pd.DataFrame", y: np.ndarray, *, global_seed: int = SEED) -> FittedCandidate:
        """As a job does it: behind the default pipeline and with codes for labels, if it needs them.

        The candidate gets copies: whether it leaves them as they are is a check of its own.
        """
        X, y = X.copy(), y.copy()
        fields = tuple(_fields_of(X))

        def make() -> tuple[Any, Any]:
            own = self.constructed()
            plain = self.candidate.preprocess is not Preprocess.AUTO
            return own, own if plain else with_preprocessing(own, fields, X, y)

        own, model = make()
        seed_globals(global_seed)
        began = time.perf_counter()
        try:
            model.fit(X, y)
        except MemoryError:
            raise
        except Exception:  # a plugin may raise anything
            if not needs_codes(lambda: make()[1], self._as_data(X, y, fields)):
                raise
            own, model = make()
            model = with_codes(model, own)
            seed_globals(global_seed)
            began = time.perf_counter()
            model.fit(X, y)
        seconds = time.perf_counter() - began
        require_predict(own, self.candidate)
        return FittedCandidate(own=own, model=model, seconds=seconds)

    def ask(self, fitted: FittedCandidate, X: "pd.DataFrame") -> Answers:
        seed_globals(SEED)
        return Answers(predictions=self.predict(fitted, X), probabilities=self.probabilities(fitted, X))

    def predict(self, fitted: FittedCandidate, X: "pd.DataFrame") -> np.ndarray:
        kind = OutputKind.SCORE if self.learns is Learns.NUMBERS else self.candidate.output_kind
        return check_predictions(fitted.model.predict(X.copy()), rows=len(X), output_kind=kind)

    def probabilities(self, fitted: FittedCandidate, X: "pd.DataFrame") -> np.ndarray | None:
        if self.learns is Learns.NUMBERS or not hasattr(fitted.model, "predict_proba"):
            return None
        return np.asarray(fitted.model.predict_proba(X.copy()), dtype=float)

    def score(self, predictions: np.ndarray, y: np.ndarray) -> float:
        """Accuracy less 0.5 for classes, half the rank correlation for numbers: 0 is chance, 0.5 the most."""
        if self.learns is Learns.NUMBERS:
            ranks = [np.argsort(np.argsort(values)) for values in (predictions, y)]
            return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) / 2 if np.ptp(predictions) > 0 else 0.0
        if self.candidate.output_kind is not OutputKind.LABELS:
            values = predictions if predictions.ndim == 1 else predictions[:, -1]
            predictions = (values > np.median(values)).astype(np.int64)
        return float((predictions == y).mean()) - 0.5

    def _as_data(self, X: "pd.DataFrame", y: np.ndarray, fields: tuple[Field, ...]) -> Data:
        kind = TargetKind.REGRESSION if self.learns is Learns.NUMBERS else TargetKind.MULTICLASS
        classes = () if self.learns is Learns.NUMBERS else tuple(np.unique(y).tolist())
        return Data(
            X_train=X, y_train=y, X_test=X, target_kind=kind, classes=classes, fields=fields, seed=SEED
        )


def seed_globals(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - plugins may use the old global generator


def _fields_of(X: "pd.DataFrame") -> list[Field]:
    return [
        Field(
            name=str(name),
            type=column.dtype.name if column.dtype.kind in "biuf" else STRING,
            missing=int(column.isna().sum()),
        )
        for name, column in X.items()
    ]


def require_same(found: Answers, expected: Answers, *, when: str, cure: str) -> None:
    """Raises CheckFailedError with the number of rows that differ, and the first of them."""
    for name in ("predictions", "probabilities"):
        one, other = getattr(expected, name), getattr(found, name)
        if one is None or other is None:
            continue
        if one.shape != other.shape:
            raise CheckFailedError(f"{name} of shape {other.shape} instead of {one.shape} {when}", cure)
        differ = _differ(one, other)
        if differ.any():
            row = int(np.flatnonzero(differ)[0])
            raise CheckFailedError(
                f"{int(differ.sum())} of {len(differ)} {name} differ {when}: row {row} has "
                f"{_shown(other[row])} instead of {_shown(one[row])}",
                cure,
            )


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    if one.dtype.kind in "fc" or other.dtype.kind in "fc":
        apart = ~np.isclose(
            one.astype(float), other.astype(float), rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True
        )
    else:
        apart = one != other
    return np.asarray(apart if apart.ndim == 1 else apart.any(axis=tuple(range(1, apart.ndim))))


def _shown(value: Any) -> str:
    if np.ndim(value):
        return "[" + ", ".join(_shown(one) for one in value[:4]) + "]"
    return f"{value:.6g}" if isinstance(value, float | np.floating) else f"{value}"


Test = Callable[[CheckedCandidate], str | None]
