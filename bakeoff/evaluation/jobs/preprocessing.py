"""The default pipeline: what `preprocess: auto` puts before a plain estimator, if the frame needs it.

    numbers with missing values    the median of the training rows; 0 where these have none
    text and categories            one column for each of the most frequent values, one for all others
    dates                          year, month, day and weekday
    numbers without missing values stay as they are; a frame of nothing else is left alone

A plain estimator is one of scikit-learn, or derived from it, as LightGBM's and XGBoost's are. A Pipeline
counts as plain, unless one of its steps prepares the data itself: an encoder, an imputer, a
ColumnTransformer, or a class from outside scikit-learn. Samplers, such as SMOTE, prepare nothing, and need
numbers. A model that is no estimator sees the frame as it is. The default pipeline is fitted together with
the estimator, on training rows only.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.evaluation.datasets.canonical_column import CATEGORY, DATETIME, STRING, Field

if TYPE_CHECKING:
    import pandas as pd

MOST_ONE_HOT_COLUMNS = 20
_MOST_NAMED = 5


def default_pipeline(fields: Sequence[Field]) -> tuple[str, ...] | None:
    """What the pipeline would do, one line for each part; None when the frame needs nothing."""
    lines = (
        _line(_incomplete(fields), "missing values become the median of the training rows"),
        _line(_text(fields), f"one-hot, at most {MOST_ONE_HOT_COLUMNS} columns each, rare values together"),
        _line(_dates(fields), "year, month, day and weekday"),
    )
    return tuple(line for line in lines if line) or None


def with_preprocessing(model: Any, fields: Sequence[Field]) -> Any:
    """The model behind the default pipeline, or the model itself."""
    if default_pipeline(fields) is None or not hasattr(model, "__sklearn_tags__"):
        return model
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline) and any(_prepares(step) for _, step in model.steps[:-1]):
        return model
    return Pipeline([("prepare", _prepare(fields)), ("model", model)])


def _prepares(step: Any) -> bool:
    """Whether this step of a pipeline may expect the frame as it is, and prepare it itself."""
    kind = type(step)
    if hasattr(
        step, "fit_resample"
    ):  # a sampler, such as SMOTE, changes which rows there are, and needs numbers
        return False
    prepares = kind.__module__.startswith(("sklearn.compose", "sklearn.impute"))
    return prepares or "Encoder" in kind.__name__ or not kind.__module__.startswith("sklearn.")


def date_parts(frame: "pd.DataFrame") -> np.ndarray:
    """Four numbers for each date; NaN where it is missing."""
    parts = [
        getattr(frame[name].dt, part).to_numpy(dtype="float64")
        for name in frame.columns
        for part in ("year", "month", "day", "day_of_week")
    ]
    return np.column_stack(parts)


def _prepare(fields: Sequence[Field]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    median = SimpleImputer(strategy="median", keep_empty_features=True)
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MOST_ONE_HOT_COLUMNS, sparse_output=False
    )
    dates = make_pipeline(
        FunctionTransformer(date_parts), SimpleImputer(strategy="median", keep_empty_features=True)
    )
    parts = [
        ("numbers", median, _incomplete(fields)),
        ("words", one_hot, _text(fields)),
        ("dates", dates, _dates(fields)),
    ]
    return ColumnTransformer([part for part in parts if part[2]], remainder="passthrough")


def _incomplete(fields: Sequence[Field]) -> list[str]:
    return [field.name for field in fields if field.is_numeric and field.missing]


def _text(fields: Sequence[Field]) -> list[str]:
    return [field.name for field in fields if field.type in {STRING, CATEGORY}]


def _dates(fields: Sequence[Field]) -> list[str]:
    return [field.name for field in fields if field.type == DATETIME]


def _line(names: Sequence[str], what: str) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}: {what}" if names else ""
