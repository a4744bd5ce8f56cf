"""The contract of plugins.

Inheriting from `Model` is optional: any object with `fit` and `predict` that keeps these obligations is a
candidate, such as a plain scikit-learn estimator, a pipeline, or a LightGBM or XGBoost model.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


class Model(ABC):
    """A candidate for a bake-off.

    Its class is constructed with the `params` of its catalog entry as keyword arguments, once for each fit,
    in a process of its own; a parameter `random_state`, if it has one, is given the seed of the run. So:

    - construction and import are quick, and leave files, the network and the data alone;
    - `fit` is called once, before `predict`; `predict` may be called many times and changes nothing;
    - both leave `X` and `y` as they are: they are read-only and shared with other candidates;
    - the same data, parameters and seed give the same predictions;
    - what is kept on `self` can be pickled, so that the winner can be saved;
    - time, memory and threads are limited: `n_jobs=-1` means the threads that were granted;
    - whatever it cannot do it says by raising; what it prints is kept as its log.

    A classifier may also have `predict_proba(X)`, with one column for each class, in sort order.
    """

    @abstractmethod
    def fit(self, X: "pd.DataFrame | NDArray[Any]", y: "pd.Series[Any] | NDArray[Any]") -> Any:
        """Learns from the training rows; `y` has one value for each row of `X`. The answer is ignored."""

    @abstractmethod
    def predict(self, X: "pd.DataFrame | NDArray[Any]") -> "NDArray[np.generic] | ArrayLike":
        """One value for each row of `X`, in their order: a one-dimensional array, or what makes one.

        What the values are is the `output_kind` of the catalog entry: labels as they were in `y` (or numbers,
        for regression), the probability of the positive class, or a score that is higher the more positive.
        """
