"""A loaded version of a model: it checks its input and predicts. Any number of threads may share it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.wording import listed
from bakeoff.inference.interpret_output import OutputRules
from registry.code.class_import import describe_exception
from registry.columns.check_predictions import BadPredictionsError
from registry.columns.compare_data_with_signature import SignatureComparison, align, in_container
from registry.columns.signature import ColumnSpec, ColumnType, Container, Signature, as_frame, container_of
from registry.models.registry_interface import Loaded

if TYPE_CHECKING:
    import pandas as pd

_Part = tuple[NDArray[Any], NDArray[Any] | None]  #: predictions, and probabilities or scores if wanted


@dataclass(frozen=True, kw_only=True)
class PredictionResult:
    version: ModelVersion  #: the one that predicted all rows
    predictions: NDArray[Any]  #: labels or numbers
    probabilities: NDArray[Any] | None  #: or scores; of the positive one of two classes, else (rows, classes)


@dataclass(frozen=True, kw_only=True)
class LoadedVersion:
    version: ModelVersion
    model: Any
    preprocessor: Any  #: None when there is none
    schema: Signature | None  #: None when nothing is known about the columns
    output_rules: OutputRules

    @classmethod
    def of(cls, loaded: Loaded) -> "LoadedVersion":
        preprocessor = (loaded.preprocessor_artifact or {}).get("preprocessor")
        return cls(
            version=loaded.version,
            model=loaded.model,
            preprocessor=preprocessor,
            schema=_schema(loaded.version, loaded.model if preprocessor is None else preprocessor),
            output_rules=OutputRules.of(loaded.version, loaded.model),
        )

    @property
    def has_probabilities(self) -> bool:
        """Whether it can return probabilities or scores."""
        if self.output_rules.output_kind is OutputKind.LABELS:
            return hasattr(self.model, "predict_proba")
        return self.output_rules.classes is not None and self.output_rules.classes.size > 0

    def compare(self, X: Any) -> SignatureComparison:
        return self._conform(X)[0]

    def answer(
        self,
        X: Any,
        *,
        probabilities: bool = False,
        batch_size: int | None = None,
        first_row: int = 0,
        unread: Sequence[str] = (),
    ) -> PredictionResult:
        """Predicts. `X` is checked as a whole before the model sees any of it.

        `first_row` and `unread` are for errors: the position of the first row in a file, and the columns of
        the file that were not read.
        """
        if probabilities and not self.has_probabilities:
            raise InvalidInputError(
                f"{self.version.uri} ({self.version.type}) gives no probabilities: request predictions alone"
            )
        comparison, frame = self._conform(X)
        if not comparison.valid:
            placed = comparison.within(first_row, unread)
            raise InvalidInputError(f"{self.version.uri} cannot predict: {'; '.join(placed.problems)}")
        container = container_of(X) if self.schema is None else self.schema.container
        pieces = (in_container(piece, container) for piece in _pieces(frame, batch_size))
        try:
            parts = [self._part(piece, probabilities=probabilities) for piece in pieces]
        except BadPredictionsError as exc:
            raise InvalidInputError(
                f"{self.version.uri} cannot predict: {exc}{_hint(exc, comparison.gaps)}"
            ) from exc
        predictions, beside = _joined(parts) if parts else self._nothing()
        return PredictionResult(
            version=self.version, predictions=predictions, probabilities=beside if probabilities else None
        )

    def _part(self, X: Any, *, probabilities: bool) -> _Part:
        rows = len(X)
        prepared = X if self.preprocessor is None else self._prepared(X)
        if self.output_rules.threshold_decides:
            predictions = self._labels_by_threshold(prepared, rows)
        else:
            raw = _call_model_code(self.model.predict, prepared)
            predictions = self.output_rules.predictions(raw, rows=rows)
        if not probabilities:
            return predictions, None
        if self.output_rules.output_kind is OutputKind.LABELS:
            raw = _call_model_code(self.model.predict_proba, prepared)
        return predictions, self.output_rules.probabilities(raw, rows=rows)

    def _labels_by_threshold(self, prepared: Any, rows: int) -> NDArray[Any]:
        if hasattr(self.model, "predict_proba"):
            raw, kind = _call_model_code(self.model.predict_proba, prepared), OutputKind.PROBA
        elif hasattr(self.model, "decision_function"):
            raw, kind = _call_model_code(self.model.decision_function, prepared), OutputKind.SCORE
        else:
            raise BadPredictionsError(
                f"its threshold {self.output_rules.rules.threshold:g} has nothing to act on: it has neither "
                "predict_proba nor decision_function",
                "save it again without `threshold` in its metadata",
            )
        return self.output_rules.labels_by_threshold(raw, kind, rows=rows)

    def _prepared(self, X: Any) -> Any:
        """With column names if the model was fitted with them, else without: scikit-learn warns otherwise."""
        import pandas as pd

        prepared = _call_model_code(self.preprocessor.transform, X)
        if _was_fitted_without_names(self.model) and isinstance(prepared, pd.DataFrame):
            return prepared.to_numpy()
        names = getattr(self.model, "feature_names_in_", None)
        if names is None or not isinstance(prepared, np.ndarray) or prepared.shape[1] != len(names):
            return prepared
        return pd.DataFrame(prepared, columns=list(names))

    def warm_up(self, example: Any) -> None:
        """Predicts the input example, so that no caller waits for what the model loads at its first use."""
        if example is not None and self.compare(example).valid:
            self.answer(example, probabilities=self.has_probabilities)

    def _conform(self, X: Any) -> "tuple[SignatureComparison, pd.DataFrame]":
        return (SignatureComparison(), as_frame(X)) if self.schema is None else align(self.schema, X)

    def _nothing(self) -> _Part:
        """The predictions for data without rows, which most models refuse."""
        classes = self.output_rules.classes
        if classes is None or not classes.size:
            return np.empty(0), np.empty(0)
        one_dimensional = self.output_rules.positive is not None
        return classes[:0], np.empty(0) if one_dimensional else np.empty((0, len(classes)))


def _schema(version: ModelVersion, first: Any) -> Signature | None:
    """The signature, or what is known of the columns: names without types, or their number. None: nothing.

    `first`: preprocessor or model, whichever is given the columns.
    """
    names, width = version.feature_names, getattr(first, "n_features_in_", None)
    if version.signature is not None:
        known = Signature.from_json(version.signature)
    elif names is not None:
        known = _of_names(names, Container.FRAME)
    elif width is not None:
        return _of_names(range(width), Container.ARRAY)
    else:
        return None
    return replace(known, container=Container.ARRAY) if _was_fitted_without_names(first) else known


def _of_names(names: Sequence[Any], container: Container) -> Signature:
    specs = (ColumnSpec(name=str(name), type=ColumnType.ANY, optional=True) for name in names)
    return Signature(inputs=tuple(specs), container=container)


def _was_fitted_without_names(first: Any) -> bool:
    """Whether an estimator of scikit-learn was fitted on an array: it then warns of any column names."""
    is_fitted = type(first).__module__.startswith("sklearn.") and hasattr(first, "n_features_in_")
    return is_fitted and not hasattr(first, "feature_names_in_")


def _pieces(frame: "pd.DataFrame", size: int | None) -> "Iterator[pd.DataFrame]":
    if size is not None and size < 1:
        raise InvalidInputError(f"batch_size must be 1 at least, got {size}")
    step = size or max(1, len(frame))
    for start in range(0, len(frame), step):
        yield frame.iloc[start : start + step]


def _joined(parts: Sequence[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    beside = [more for _, more in parts if more is not None]
    return np.concatenate([first for first, _ in parts]), np.concatenate(beside) if beside else None


def _call_model_code(function: Callable[[Any], Any], X: Any) -> Any:
    """For calls of a model's untrusted code: exceptions but MemoryError become BadPredictionsError."""
    try:
        return function(X)
    except MemoryError:
        raise
    except Exception as exc:  # a model may raise anything
        name = getattr(function, "__name__", "model")
        raise BadPredictionsError(f"its {name} failed with {describe_exception(exc)}") from exc


def _hint(exc: BadPredictionsError, gaps: Sequence[str]) -> str:
    hint = f"; {exc.hint}" if exc.hint else ""
    return f"{hint}; values are missing in {listed(gaps)}, where none were in training" if gaps else hint
