"""The contract of plugins.

Inheriting from `Model` is optional: any object with `fit` and `predict` that keeps these obligations is a
candidate, such as a plain scikit-learn estimator, a pipeline, or a LightGBM or XGBoost model.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from bakeoff.domain.signal import ModelConfig, ModelOutput, SignalType, ranked

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


__all__ = ["Model", "ModelConfig", "ModelOutput", "ModelPlugin", "SignalType", "Trained", "ranked"]


class Model(ABC):
    """A candidate for a bake-off.

    Its class is constructed with the `params` of its catalog entry as keyword arguments, once for each fit,
    in a process of its own; a parameter `random_state`, if it has one, is given the seed of the run. So:

    - importing and constructing it are quick, and use neither files nor the network nor the data;
    - `fit` is called once, before `predict`; `predict` may be called many times and changes nothing;
    - neither changes `X` or `y`, which are read-only and shared with other candidates;
    - the same data, parameters and seed give the same predictions;
    - what is kept on `self` can be pickled, so that the winner can be saved;
    - time, memory and threads are limited: `n_jobs=-1` means the threads that were granted;
    - it raises an exception for whatever it cannot do; what it prints is kept as its log.

    A classifier may also have `predict_proba(X)`, with one column for each class, in sort order.
    """

    @abstractmethod
    def fit(self, X: "pd.DataFrame | NDArray[Any]", y: "pd.Series[Any] | NDArray[Any]") -> Any:
        """Learns from the training rows; `y` has one value for each row of `X`. The result is ignored."""

    @abstractmethod
    def predict(self, X: "pd.DataFrame | NDArray[Any]") -> "NDArray[np.generic] | ArrayLike":
        """One value for each row of `X`, in their order: a one-dimensional array, or what makes one.

        What the values are is the `output_kind` of the catalog entry: labels as they were in `y` (or numbers,
        for regression), the probability of the positive class, or a score that is higher the more positive.
        """


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The fitted models of a signal model, and how good each of them is."""

    models: Mapping[str, Any]  #: the fitted models, one for each name in `artefacts`
    metrics: Mapping[str, Mapping[str, float]]  #: of each model, on data later than those it was trained on
    feature_names: tuple[str, ...]  #: in the order in which the models expect them
    folds: Sequence[Mapping[str, Any]] = ()  #: JSON: how the metrics were measured, window by window


class ModelPlugin(ABC):
    """A signal model: it predicts signals for symbols as of a date.

    Its class is constructed as `Class(data, artefacts, **params)`, in a process of its own; the `params` are
    those of its catalog entry:

    - `data` are frames by name, `prices` and, where there are any, `fundamentals`, with what was known as of
      the date and nothing later, for all symbols there are;
      docs/guide/market-data.md says which columns they have;
    - `artefacts` are the saved models that the class names in `artefacts`, by their names: the host has
      found, verified and loaded them, and all are of the same version;
    - it holds no connection and opens no file;
    - its signal for a symbol does not depend on which other symbols are given with it;
    - the same data, artefacts and parameters give the same signals;
    - it raises an exception for whatever it cannot do;
    - it leaves out a symbol for which it has no signal.

    A method may be `async def`: it is awaited.
    """

    #: Names in the registry of trained models; the constructor is given one of each.
    artefacts: ClassVar[tuple[str, ...]] = ()

    #: From the catalog entry; the host sets it before it calls any method.
    config: ModelConfig

    @abstractmethod
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> Sequence[ModelOutput]:
        """The signals: at most one output for each of the symbols, in any order."""

    def get_signal(self, symbol: str, as_of: date) -> ModelOutput | None:
        """The output for one symbol; None if there is no signal for it."""
        answers = self.generate_signals([symbol], as_of)
        return next((answer for answer in answers if answer.symbol == symbol), None)

    @classmethod
    def train(cls, data: "Mapping[str, pd.DataFrame]", as_of: date, *, seed: int, **params: Any) -> Trained:
        """Trains the models that `artefacts` names. `data` and `params` are like those of the constructor.

        Only a class that names artefacts needs it. The same data, parameters and seed give the same models.
        """
        raise NotImplementedError(
            f"{cls.__name__} has no `train`: add `def train(cls, data, as_of, *, seed, **params)`, a class "
            "method that returns registry.interface.Trained"
        )

    @abstractmethod
    def explain(self, symbol: str) -> Mapping[str, Any]:
        """The reasons for its signal: `feature_importance` by name, and `shap_values` where there are any."""
