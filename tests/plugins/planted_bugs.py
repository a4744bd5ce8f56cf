"""Candidates that each break one promise, and the good ones that they are made from.

`bakeoff check` must fail each of them with exactly the check that its docstring names.
"""

import os
import random
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np

_SEEN: dict[bytes, Any] = {}


class Good:
    """A least-squares classifier by the names of its columns."""

    def __init__(self, weight: float = 1.0, random_state: int | None = None) -> None:
        self.weight = weight
        self.random_state = random_state

    def get_params(self, deep: Any = True) -> dict[str, Any]:  # noqa: FBT002 - as scikit-learn has it
        return {"weight": self.weight, "random_state": self.random_state}

    def set_params(self, **params: Any) -> "Good":
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(self, X: Any, y: Any) -> "Good":
        self.columns = list(X)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        values = self._values(X)
        self.middle, self.spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0) + 1e-9
        design = self._design(values)
        targets = np.eye(len(self.classes_))[codes]
        self.weights = np.linalg.lstsq(design, targets, rcond=None)[0]
        return self

    def _values(self, X: Any) -> Any:
        numbers = X[self.columns].select_dtypes("number")
        return numbers.to_numpy(dtype=float)

    def _design(self, values: Any) -> Any:
        scaled = np.nan_to_num((values - self.middle) / self.spread)
        return np.column_stack([scaled, np.ones(len(scaled))])

    def predict_proba(self, X: Any) -> Any:
        raw = self._design(self._values(X)) @ self.weights
        powers = np.exp(3 * (raw - raw.max(axis=1, keepdims=True)))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class GoodNumbers(Good):
    """The same for numbers."""

    def fit(self, X: Any, y: Any) -> "GoodNumbers":
        if np.asarray(y).dtype.kind != "f":
            raise ValueError("it learns numbers")
        self.columns = list(X)
        values = self._values(X)
        self.middle, self.spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0) + 1e-9
        self.weights = np.linalg.lstsq(self._design(values), np.asarray(y), rcond=None)[0]
        return self

    predict_proba = None  # type: ignore[assignment]

    def predict(self, X: Any) -> Any:
        return self._design(self._values(X)) @ self.weights


class Broken(Good):
    """loads"""

    def __init__(self) -> None:
        raise RuntimeError("no licence")


class SlowConstructor(Good):
    """constructor-light"""

    def __init__(self, weight: float = 1.0, random_state: int | None = None) -> None:
        super().__init__(weight, random_state)
        time.sleep(0.17)


class ChangesParameter(Good):
    """params-round-trip"""

    def __init__(self, weight: float = 1.0, random_state: int | None = None) -> None:
        super().__init__(weight * 2, random_state)


class WantsItsOwnColumn(Good):
    """learns"""

    def fit(self, X: Any, y: Any) -> "Good":
        return super().fit(X.assign(log=X["price"]), y)


class TwoColumns(Good):
    """shape"""

    def predict(self, X: Any) -> Any:
        return self.predict_proba(X)


class DriftsWithEachCall(Good):
    """predict-repeatable"""

    def predict_proba(self, X: Any) -> Any:
        self.weights = self.weights * 0.97 + 0.02
        return super().predict_proba(X)


class FitsByChance(Good):
    """deterministic"""

    def fit(self, X: Any, y: Any) -> "Good":
        super().fit(X, y)
        self.weights = self.weights + 0.1 * np.random.default_rng().standard_normal(self.weights.shape)
        return self


class IgnoresItsSeed(Good):
    """honours-random-state"""

    def fit(self, X: Any, y: Any) -> "Good":
        super().fit(X, y)
        seed = int(np.random.get_state()[1][0])  # reads the global seed, and draws nothing
        self.weights = self.weights + 0.1 * np.random.RandomState(seed).standard_normal(self.weights.shape)
        return self


class DrawsFromTheGlobalGenerator(Good):
    """no-global-random"""

    def fit(self, X: Any, y: Any) -> "Good":
        random.random()
        return super().fit(X, y)


class KeepsItsFirstFit(Good):
    """refit-clean"""

    def fit(self, X: Any, y: Any) -> "Good":
        before = getattr(self, "weights", None)
        super().fit(X, y)
        if before is not None and before.shape == self.weights.shape:
            self.weights = (self.weights + before) / 2
        return self


class ChangesItsInput(Good):
    """input-untouched"""

    def predict(self, X: Any) -> Any:
        found = super().predict(X)
        X["prediction"] = found
        return found


class ChangesItsTarget(Good):
    """target-untouched"""

    def fit(self, X: Any, y: Any) -> "Good":
        super().fit(X, y)
        if y.dtype.kind in "iu":
            y[:5] = 1 - y[:5]
        return self


class GoesByPosition(Good):
    """feature-names"""

    def _values(self, X: Any) -> Any:
        return X.select_dtypes("number").to_numpy(dtype=float)


class AlignsByIndex(Good):
    """index-ignored"""

    def fit(self, X: Any, y: Any) -> "Good":
        import pandas as pd

        labels = pd.Series(np.asarray(y)).reindex(X.index, fill_value=np.asarray(y)[0])
        return super().fit(X, labels.to_numpy())


class CountsRows(Good):
    """row-order"""

    def predict_proba(self, X: Any) -> Any:
        found = super().predict_proba(X)
        found[1::2] = found[1::2] ** 2 / (found[1::2] ** 2).sum(axis=1, keepdims=True)
        return found


class ScalesByBatch(Good):
    """batch-split"""

    def _design(self, values: Any) -> Any:
        self.middle = np.nanmean(values, axis=0)
        return super()._design(values)


class SqueezesOneRow(Good):
    """single-row"""

    def predict(self, X: Any) -> Any:
        return np.squeeze(super().predict(X)[:, None])


class KnowsItsCategoriesOnly(Good):
    """unseen-category"""

    def fit(self, X: Any, y: Any) -> "Good":
        self.known = {name: set(X[name]) for name in X if X[name].dtype.kind not in "biuf"}
        return super().fit(X, y)

    def predict(self, X: Any) -> Any:
        for name, known in self.known.items():
            if set(X[name]) - known:
                raise KeyError(name)
        return super().predict(X)


class PassesMissingOn(Good):
    """missing-values"""

    def predict(self, X: Any) -> Any:
        found = super().predict(X)
        gaps = X.select_dtypes("number").isna().any(axis=1)
        return np.where(gaps, np.nan, found) if gaps.any() else found


class AnswersCodes(Good):
    """label-type"""

    def predict(self, X: Any) -> Any:
        return self.predict_proba(X).argmax(axis=1)


class DoesNotNormalise(Good):
    """proba-sums"""

    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(X) * 0.9


class TurnsItsClasses(Good):
    """proba-order"""

    def fit(self, X: Any, y: Any) -> "Good":
        super().fit(X, y)
        self.classes_, self.weights = self.classes_[::-1], self.weights[:, ::-1]
        return self


class Disagrees(Good):
    """proba-agrees"""

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmin(axis=1)]


class KeepsALambda(Good):
    """pickles"""

    def fit(self, X: Any, y: Any) -> "Good":
        self.link = lambda value: value
        return super().fit(X, y)


class ForgetsWhenSaved(Good):
    """round-trip self-contained"""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "weights": np.zeros_like(self.weights)}


class ReadsItsFile(Good):
    """self-contained"""

    def fit(self, X: Any, y: Any) -> "Good":
        super().fit(X, y)
        os.environ["PLANTED_WEIGHT"] = "1"
        return self

    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(X) * float(os.environ["PLANTED_WEIGHT"])


class CallsHome(Good):
    """no-network"""

    def fit(self, X: Any, y: Any) -> "Good":
        with socket.socket() as line:
            line.settimeout(0.01)
            with suppress(OSError):
                line.connect(("127.0.0.1", 9))
        return super().fit(X, y)


class StartsThreads(Good):
    """thread-budget"""

    def fit(self, X: Any, y: Any) -> "Good":
        ends = threading.Event()
        threads = [threading.Thread(target=ends.wait) for _ in range(12)]
        for thread in threads:
            thread.start()
        ends.set()
        for thread in threads:
            thread.join()
        return super().fit(X, y)


class ComparesAllRows(Good):
    """memory-linear"""

    def fit(self, X: Any, y: Any) -> "Good":
        values = X.select_dtypes("number").to_numpy(dtype=float)
        np.exp(-(np.subtract.outer(values[:, 0], values[:, 0]) ** 2))
        return super().fit(X, y)


class RemembersRequests(Good):
    """latency-steady"""

    def predict(self, X: Any) -> Any:
        asked = self.__dict__.setdefault("asked", [])
        asked += [X.to_numpy()] * (20 if len(X) == 1 else 0)
        for _ in range(len(asked) // 20):
            sum(float(one.sum()) for one in asked)
        return super().predict(X)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "asked"}


class SharesItsMemory(Good):
    """leak-free"""

    def fit(self, X: Any, y: Any) -> "Good":
        for row, label in zip(X.select_dtypes("number").to_numpy(dtype=float), y, strict=True):
            _SEEN.setdefault(row.tobytes(), label)
        return super().fit(X, y)

    def predict(self, X: Any) -> Any:
        found = super().predict(X)
        rows = X.select_dtypes("number").to_numpy(dtype=float)
        return np.array([_SEEN.get(row.tobytes(), label) for row, label in zip(rows, found, strict=True)])


class GoesByTheClock(Good):
    """time-independent"""

    def predict_proba(self, X: Any) -> Any:
        found = super().predict_proba(X)
        late = datetime.now(UTC).timestamp() > self.__dict__.setdefault("fitted_at", time.time()) + 86_400
        return found[:, ::-1] if late else found


class Exits(Good):
    """single-row latency-steady"""

    def predict(self, X: Any) -> Any:
        if len(X) == 1:
            os._exit(3)
        return super().predict(X)
