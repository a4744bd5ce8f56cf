"""The default pipeline: what `preprocess: auto` puts before a plain estimator, if the frame needs it.

    numbers with missing values    the median of the training rows; 0 where these have none
    text and categories            one column for each of the most frequent values, one for all others
    dates                          year, month, day and weekday
    numbers without missing values stay as they are; a frame of nothing else is left alone

A plain estimator is one of scikit-learn, or derived from it, as LightGBM's and XGBoost's are. A Pipeline
counts as plain, unless its steps prepare the data themselves. That is tried: copies of them are fitted to
some of the training rows as they are, and must leave no text and no dates, or, where there were none, no
missing values. Whose steps they are does not matter. A sampler, such as SMOTE, must say by scikit-learn's
tags that it takes what it meets. A model that is no estimator sees the frame as it is. The default pipeline
is fitted together with the estimator, on training rows only.
"""

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.evaluation.datasets.canonical_column import CATEGORY, DATETIME, STRING, Field

if TYPE_CHECKING:
    import pandas as pd

MOST_ONE_HOT_COLUMNS = 20
_MOST_NAMED = 5
_TRIED_ROWS = 200


def default_pipeline(fields: Sequence[Field]) -> tuple[str, ...] | None:
    """What the pipeline would do, one line for each part; None when the frame needs nothing."""
    lines = (
        _line(_incomplete(fields), "missing values become the median of the training rows"),
        _line(_text(fields), f"one-hot, at most {MOST_ONE_HOT_COLUMNS} columns each, rare values together"),
        _line(_dates(fields), "year, month, day and weekday"),
    )
    return tuple(line for line in lines if line) or None


def with_preprocessing(model: Any, fields: Sequence[Field], X: "pd.DataFrame", y: Any) -> Any:
    """The model behind the default pipeline, or the model itself. `X` and `y`: the training rows."""
    if default_pipeline(fields) is None or not hasattr(model, "__sklearn_tags__"):
        return model
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        # From all over: rows in order of time may begin with a single class.
        places = np.unique(np.linspace(0, len(X) - 1, _TRIED_ROWS).astype(int))
        if _prepares(model, X.iloc[places], np.asarray(y)[places]):
            return model
    return Pipeline([("prepare", _prepare(fields)), ("model", model)])


def _prepares(pipeline: Any, X: "pd.DataFrame", y: Any) -> bool:
    """Whether the steps before the last one make numbers of the frame as it is."""
    from sklearn.base import clone

    before, made = _found_in(X), X
    numpy_chance, chance = np.random.get_state(), random.getstate()  # noqa: NPY002 - steps may use it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they would be told twice
            for _, step in pipeline.steps[:-1]:
                if hasattr(step, "fit_resample"):
                    if not _takes(step, _found_in(made)):
                        return False
                elif step is not None and not isinstance(step, str):  # nothing, or passthrough
                    made = clone(step, safe=False).fit_transform(made, y)
            after = _found_in(made)
    except Exception:  # noqa: BLE001 - steps of anybody may raise anything at a frame that they cannot take
        return False
    finally:
        np.random.set_state(numpy_chance)  # noqa: NPY002 - the trial must not change what the fit draws
        random.setstate(chance)
    return not after.words and (before.words or not after.gaps)


@dataclass(frozen=True, kw_only=True)
class _Found:
    words: bool  #: anything that is no number: text, categories, dates
    gaps: bool


def _found_in(made: Any) -> _Found:
    """In what a step returned: a frame, an array, or a sparse matrix."""
    if hasattr(made, "toarray"):
        return _Found(words=False, gaps=bool(np.isnan(made.data).any()))
    columns = [made[name] for name in made.columns] if hasattr(made, "columns") else [np.asarray(made)]
    numbers = []
    for column in columns:
        try:
            is_number = getattr(column.dtype, "kind", "O") in "biuf"
            numbers.append(np.asarray(column, dtype=float) if is_number else _as_numbers(column))
        except (TypeError, ValueError):
            return _Found(words=True, gaps=False)
    return _Found(words=False, gaps=any(bool(np.isnan(values).any()) for values in numbers))


def _as_numbers(column: Any) -> np.ndarray:
    """Objects that are numbers all the same. Dates and categories are none."""
    if getattr(column.dtype, "kind", "O") != "O" or str(column.dtype) == "category":
        raise TypeError(column.dtype)
    values = np.asarray(column, dtype=object).ravel()
    if any(isinstance(value, str) for value in values):
        raise ValueError
    return values.astype(float)


def _takes(sampler: Any, found: _Found) -> bool:
    from sklearn.utils import get_tags

    tags = get_tags(sampler).input_tags
    return (tags.string or not found.words) and (tags.allow_nan or not found.gaps)


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
