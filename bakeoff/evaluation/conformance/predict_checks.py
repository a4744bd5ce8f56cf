"""In the cell: checks of what a candidate predicts, and of its probabilities."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.domain.candidate import Learns, OutputKind
from bakeoff.domain.errors import BadAnswerError
from bakeoff.evaluation.conformance.checked_candidate import (
    SEED,
    Answers,
    CheckedCandidate,
    require_same,
    seed_globals,
)
from bakeoff.evaluation.conformance.conformance_check_runner import (
    Check,
    CheckFailedError,
    NotApplicableError,
)
from registry.code.class_import import describe_exception
from registry.columns.check_predictions import check_predictions

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = np.array(["high", "low", "medium"])
_SUMS = 1e-4
_CLEAR, _AGREE = 0.2, 0.9
_CALLS, _FEWEST_CALLS, _CALLS_S = 120, 30, 0.2
_SLOWER, _SLOWER_S = 2.5, 0.0002
_TRIES = 3


def shape(case: CheckedCandidate) -> None:
    case.base_answers = case.ask(case.base, case.data.X_test)


def predict_repeatable(case: CheckedCandidate) -> None:
    for _ in range(2):
        predictions = case.predict(case.base, case.data.X_test)
        beside = case.probabilities(case.base, case.data.X_test)
        again = Answers(predictions=predictions, probabilities=beside)
        require_same(
            again,
            case.answers,
            when="when asked again",
            cure="let predict change nothing in self, and draw no random numbers",
        )


def feature_names(case: CheckedCandidate) -> str:
    turned = case.data.X_test[case.data.X_test.columns[::-1]]
    try:
        answers = case.ask(case.base, turned)
    except Exception as exc:  # noqa: BLE001 - a plugin raises anything, and to refuse is right
        return f"it refuses them: {describe_exception(exc)[:100]}"
    require_same(
        answers,
        case.answers,
        when="with the columns in another order",
        cure="keep the names in fit, self.columns = list(X), and predict from X[self.columns]",
    )
    return "it goes by their names"


def row_order(case: CheckedCandidate) -> None:
    order = np.random.RandomState(8).permutation(len(case.data.X_test))
    turned = case.data.X_test.iloc[order].reset_index(drop=True)
    require_same(
        case.ask(case.base, turned),
        case.answers.of(order),
        when="with the rows in another order",
        cure="predict each row from its own values, and not from its place",
    )


def batch_split(case: CheckedCandidate) -> None:
    half = len(case.data.X_test) // 2
    for part in (slice(0, half), slice(half, None)):
        X = case.data.X_test.iloc[part].reset_index(drop=True)
        require_same(
            case.ask(case.base, X),
            case.answers.of(part),
            when=f"in a batch of {len(X)} instead of {len(case.data.X_test)} rows",
            cure="compute means, ranks and scales in fit, and keep them in self",
        )


def single_row(case: CheckedCandidate) -> None:
    seed_globals(SEED)
    case.predict(case.base, case.data.X_test.iloc[:1].copy())


def unseen_category(case: CheckedCandidate) -> None:
    X, X_test = case.data.X.copy(), case.data.X_test.copy()
    X["colour"] = np.array(["red", "green", "blue"])[np.arange(len(X)) % 3]
    X_test["colour"] = np.where(np.arange(len(X_test)) % 4 == 0, "ultraviolet", "red")
    try:
        fitted = case.fit(X.astype({"colour": "str"}), case.data.y)
    except Exception as exc:  # a plugin raises anything; that it takes no text is known before it is asked
        raise NotApplicableError(f"it takes no text: {describe_exception(exc)[:100]}") from exc
    with _no_exception(
        "rows with a category that training did not show",
        "treat it as unknown: OneHotEncoder(handle_unknown='ignore'), or a code of its own",
    ):
        case.predict(fitted, X_test.astype({"colour": "str"}))


def missing_values(case: CheckedCandidate) -> str | None:
    X, X_test = case.data.X.copy(), case.data.X_test.copy()
    for place, frame in enumerate((X, X_test)):
        frame.iloc[np.random.RandomState(place).permutation(len(frame))[: len(frame) // 5], 1] = np.nan
    try:
        fitted = case.fit(X, case.data.y)
    except ValueError as exc:
        return f"its fit refuses them: {describe_exception(exc)[:100]}"
    with _no_exception(
        "rows with missing values", "fill them in, in fit and in predict alike, or raise a ValueError in fit"
    ):
        case.predict(fitted, X_test)
    return None


@contextmanager
def _no_exception(what: str, cure: str) -> Iterator[None]:
    seed_globals(SEED)
    try:
        yield
    except MemoryError:
        raise
    except BadAnswerError as exc:
        raise CheckFailedError(f"{exc.message} for {what}", cure) from exc
    except Exception as exc:  # a plugin raises anything
        raise CheckFailedError(f"it raised {describe_exception(exc)[:200]} for {what}", cure) from exc


def label_type(case: CheckedCandidate) -> None:
    _require_labels(case)
    texts = _TEXTS[np.digitize(_ranks(case.data.X.iloc[:, 0].to_numpy()), [1 / 3, 2 / 3])]
    fitted = case.fit(case.data.X, texts)
    seed_globals(SEED)
    found = check_predictions(
        fitted.model.predict(case.data.X_test.copy()),
        rows=len(case.data.X_test),
        output_kind=OutputKind.LABELS,
    )
    odd = [value for value in np.unique(found).tolist() if value not in set(_TEXTS.tolist())]
    if odd:
        raise CheckFailedError(
            f"fitted to the labels {', '.join(_TEXTS.tolist())}, it predicts {odd[0]!r} "
            f"({type(odd[0]).__name__})",
            "keep np.unique(y) as self.classes_ in fit, and return self.classes_[codes] from predict",
        )


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.argsort(np.argsort(values)) / len(values))


def _require_labels(case: CheckedCandidate) -> None:
    if case.learns is Learns.NUMBERS:
        raise NotApplicableError("it learns numbers")
    if case.candidate.output_kind is not OutputKind.LABELS:
        raise NotApplicableError(f"it predicts {case.candidate.output_kind}, not labels")


def _probabilities(case: CheckedCandidate) -> np.ndarray:
    if case.answers.probabilities is None:
        raise NotApplicableError("it has no predict_proba")
    return case.answers.probabilities


def proba_sums(case: CheckedCandidate) -> None:
    found, rows = _probabilities(case), len(case.data.X_test)
    if found.shape != (rows, 2):
        raise CheckFailedError(
            f"predict_proba has shape {found.shape} for {rows} rows of 2 classes",
            "return a row for each row, and a column for each class",
        )
    sums = found.sum(axis=1)
    odd = (np.abs(sums - 1) > _SUMS) | (found.min(axis=1) < -_SUMS) | ~np.isfinite(sums)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise CheckFailedError(
            f"{int(odd.sum())} of {rows} rows do not add up to 1: row {row} has {found[row, 0]:.4g} and "
            f"{found[row, 1]:.4g}",
            "divide each row by its sum",
        )


def _classes_of(case: CheckedCandidate) -> np.ndarray | None:
    for holder in (case.base.model, case.base.own):
        classes = getattr(holder, "classes_", None)
        if classes is not None:
            return np.asarray(classes)
    return None


def proba_order(case: CheckedCandidate) -> str | None:
    _probabilities(case)
    classes = _classes_of(case)
    if classes is None:
        return "it has no classes_: its columns are taken to be in sort order"
    if classes.tolist() != np.unique(case.data.y).tolist():
        raise CheckFailedError(
            f"classes_ is {classes.tolist()}, and the sorted labels are {np.unique(case.data.y).tolist()}",
            "set self.classes_ = np.unique(y) in fit, and order the columns by it",
        )
    return None


def proba_agrees(case: CheckedCandidate) -> str:
    found = _probabilities(case)
    _require_labels(case)
    if found.ndim != 2 or found.shape[1] != 2:  # noqa: PLR2004 - `proba-sums` says so
        raise NotApplicableError("predict_proba has no column for each class")
    classes = _classes_of(case)
    classes = np.unique(case.data.y) if classes is None else classes
    clear = np.abs(found[:, 1] - found[:, 0]) > _CLEAR
    if not clear.any():
        return "no row has a clearly more probable class"
    agree = float((classes[found.argmax(axis=1)] == case.answers.predictions)[clear].mean())
    if agree < _AGREE:
        raise CheckFailedError(
            f"predict differs from predict_proba in {1 - agree:.0%} of the rows with a clear answer",
            "let predict return self.classes_[self.predict_proba(X).argmax(axis=1)]",
        )
    return f"they agree on {agree:.0%} of the rows with a clear answer"


def latency_steady(case: CheckedCandidate) -> str:
    one = case.data.X_test.iloc[:1]
    for _ in range(_TRIES):  # another process may disturb one of them
        ratio, first, last = _slowdown(case, one)
        if ratio <= _SLOWER or last - first <= _SLOWER_S:
            return f"{last * 1000:.2f} ms a row"
    raise CheckFailedError(
        f"predicting one row took {first * 1000:.2f} ms at first, and {last * 1000:.2f} ms in the end",
        "keep nothing of what predict is given",
    )


def _slowdown(case: CheckedCandidate, one: "pd.DataFrame") -> tuple[float, float, float]:
    fitted = case.fit(case.data.X, case.data.y)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < _FEWEST_CALLS or (len(times) < _CALLS and time.perf_counter() - began < _CALLS_S):
        start = time.perf_counter()
        fitted.model.predict(one)
        times.append(time.perf_counter() - start)
    third = len(times) // 3
    first, last = float(np.median(times[:third])), float(np.median(times[-third:]))
    return last / max(first, 1e-9), first, last


def memorises(case: CheckedCandidate) -> str:
    inside = case.score(case.predict(case.base, case.data.X), case.data.y)
    outside = case.score(case.answers.predictions, case.data.y_test)
    if case.learns is Learns.NUMBERS:
        return f"rank correlation {2 * inside:.2f} on training rows, {2 * outside:.2f} on others"
    return f"accuracy {inside + 0.5:.2f} on training rows, {outside + 0.5:.2f} on others"


ANSWER_CHECKS = (
    Check(slug="shape", test=shape, needs=("learns",)),
    Check(slug="predict-repeatable", test=predict_repeatable, needs=("shape",)),
)

PREDICT_CHECKS = (
    Check(slug="feature-names", test=feature_names, needs=("predict-repeatable",)),
    Check(slug="row-order", test=row_order, needs=("predict-repeatable",)),
    Check(slug="batch-split", test=batch_split, needs=("predict-repeatable",)),
    Check(slug="single-row", test=single_row, needs=("shape",)),
    Check(slug="unseen-category", test=unseen_category, needs=("shape",)),
    Check(slug="missing-values", test=missing_values, needs=("shape",)),
    Check(slug="label-type", test=label_type, needs=("shape",)),
    Check(slug="proba-sums", test=proba_sums, needs=("shape",)),
    Check(slug="proba-order", test=proba_order, needs=("shape",)),
    Check(slug="proba-agrees", test=proba_agrees, needs=("shape",)),
)

LAST_CHECKS = (
    Check(slug="latency-steady", test=latency_steady, needs=("shape",)),
    Check(slug="memorises", test=memorises, needs=("shape",)),
)
