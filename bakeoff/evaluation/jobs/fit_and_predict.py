"""In the cell: build one candidate, fit it, let it predict, and write its predictions.

The cell gets the training data and the test features. It never sees a test label.
"""

import inspect
import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.cell.inside.exception_report import hint_for
from bakeoff.domain.candidate import Candidate, OutputKind, Preprocess
from bakeoff.domain.runs.job import Phase
from bakeoff.evaluation.datasets.read_snapshot import Data, open_snapshot
from bakeoff.evaluation.jobs.choosing.inner_folds import InnerFold, predictions_on, scoring_rules
from bakeoff.evaluation.jobs.choosing.parameter_search import search
from bakeoff.evaluation.jobs.choosing.trial_file import first_line
from bakeoff.evaluation.jobs.choosing.tuned_threshold import best_threshold
from bakeoff.evaluation.jobs.default_preprocessing import default_pipeline, with_preprocessing
from bakeoff.evaluation.jobs.importance.permuted_predictions import ImportanceOrder, predict_permuted
from bakeoff.evaluation.jobs.labels_and_weights_for_fit import needs_codes, weight_arguments, with_codes
from bakeoff.evaluation.jobs.pickle_fitted_model import pickle_model
from bakeoff.evaluation.jobs.prediction_latency import as_a_bonus, is_slow, measure_latency
from bakeoff.evaluation.jobs.probabilities_or_scores import beside_labels, nothing_to_act_on, overhearing
from bakeoff.settings import log_setup
from registry.catalog.search_space import with_parameters
from registry.code.file_access_audit import FileAccessAudit
from registry.code.library_versions import loaded_environment
from registry.code.model_building import LoadError, build, require_predict
from registry.columns.check_predictions import BadPredictionsError, Predictions, check_predictions
from registry.columns.classes_from_predictions import plain_labels, positive_code, to_class_predictions

log = logging.getLogger(__name__)

PREDICTIONS = "predictions"
PROBABILITIES = "probabilities"
SCORES = "scores"
TRIALS = "trials"

_SHUFFLES = 20261130  #: with the number of a refit: a seed that no candidate is given


def run(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    """The entry of the cell: takes what `evaluation_job.payload_of` returns, and returns its report."""
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.set_ids(**payload["about"], modelId=candidate.id)
    seed: int = payload["seed"]
    entered = time.perf_counter()
    _seed_globals(seed)
    data = open_snapshot(
        Path(payload["snapshot"]),
        features=candidate.features,
        open_part=inside.input if payload["isPart"] else None,
    )
    if payload["shuffled"] is not None:
        data = replace(data, y_train=shuffled_labels(data.y_train, refit=payload["shuffled"]))
    audit = FileAccessAudit(private=(inside.scratch, Path.cwd(), Path(payload["snapshot"])))
    if payload["audited"]:
        audit.begin()
    chance = GlobalChance()
    chosen: dict[str, Any] = {}
    with _bad_predictions():
        if candidate.chooses:
            candidate, chosen = _choose(candidate, data, payload, inside)
    fitted = _fit(candidate, data, Path(payload["root"]), seed, inside)
    inside.keep(fitted)
    inside.phase(Phase.PREDICT)
    began = time.perf_counter()
    wants_beside = payload["moreThanLabels"] or payload["wantsCurves"]
    with _bad_predictions(), overhearing(fitted.model, data.X_test, wanted=wants_beside) as heard:
        if "threshold" in chosen:
            predictions = _predict_by(chosen["threshold"], fitted.model, candidate, data, inside)
        else:
            predictions = _predict(fitted.model, candidate.output_kind, data, inside)
            if payload["moreThanLabels"] and candidate.output_kind is OutputKind.LABELS:
                _predict_beside(fitted, data, inside, threshold=payload["threshold"], heard=heard)
    predict_s = time.perf_counter() - began
    report: dict[str, Any] = {
        "ignoresWeights": data.weights is not None and not weight_arguments(fitted.model, data.weights),
        "preparesItself": candidate.preprocess is Preprocess.AUTO
        and fitted.preprocessor is None
        and default_pipeline(data.fields) is not None,
        # What it chooses, it chooses on inner folds that are dealt by the seed.
        "usesSeed": bool(chosen) or has_random_state(fitted.own) or chance.was_used(),
        "fitSeconds": fitted.seconds,
        "predictSeconds": predict_s,
        "audit": audit.report(),
        "surroundings": loaded_environment(),
        "chosen": chosen,
    }
    if payload["saveAs"] is not None:
        inside.phase(Phase.SAVE)
        report["fitted"] = pickle_model(
            fitted.answering,
            fitted.preprocessor,
            own=fitted.own,
            name=payload["saveAs"],
            limit_mb=payload["modelLimitMb"],
            candidate=candidate,
            data=data,
            predictions=predictions,
            inside=inside,
        )
    # From here on the candidate has its result: what fails now is left out.
    labels_alone = (
        candidate.writes is OutputKind.LABELS and "threshold" not in chosen and not payload["moreThanLabels"]
    )
    if labels_alone and payload["wantsCurves"] and (heard or not is_slow(fitted.seconds, predict_s)):
        with as_a_bonus("probabilities"):
            _predict_beside(fitted, data, inside, threshold=None, heard=heard)
    heard.clear()  # of many rows they are large
    latency = None
    if payload["wantsLatency"]:
        latency = measure_latency(
            fitted.model.predict,
            data.X_test,
            fit_s=fitted.seconds,
            predict_s=predict_s,
            left_s=payload["timeoutSeconds"] - (time.perf_counter() - entered),
        )
    report["latency"] = latency and asdict(latency)
    if payload["importance"] is not None:
        report["importance"] = predict_permuted(
            ImportanceOrder.from_json(payload["importance"]),
            data.X_test,
            lambda X: _answer(
                fitted.model,
                candidate,
                replace(data, X_test=X),
                chosen,
                more_than_labels=payload["moreThanLabels"],
            ),
            inside,
            predict_s=predict_s,
            left_s=payload["timeoutSeconds"] - (time.perf_counter() - entered),
        )
    return report


def shuffled_labels(labels: NDArray[Any], *, refit: int) -> NDArray[Any]:
    """The labels in another order, which is always the same one for the number of the refit."""
    lot = np.random.RandomState([_SHUFFLES, refit])
    return lot.permutation(labels)


def _choose(
    candidate: Candidate, data: Data, payload: Mapping[str, Any], inside: CellApi
) -> tuple[Candidate, dict[str, Any]]:
    """What the candidate chooses on its training rows: the candidate with that, and the record of it."""
    root, seed = Path(payload["root"]), payload["seed"]
    chosen: dict[str, Any] = {}

    def fit(tried: Candidate, rows: Data) -> Any:
        _seed_globals(seed)
        return _fit(tried, rows, root, seed, inside).model

    if candidate.tune is not None:
        inside.phase(Phase.FIT)
        with inside.output(TRIALS) as file:
            if payload["trialsGoOn"]:
                file.write(b"\n")  # what was killed may have left half a line
            else:
                file.empty()
                file.write(first_line(payload["trialsOf"]))
            found = search(
                candidate,
                data,
                fit,
                seed=seed,
                longest_s=payload["tuneSeconds"],
                earlier=payload["trials"],
                keep=file.write,
            )
        candidate = with_parameters(candidate, found.best.params)
        chosen["tuning"] = found.to_record()
    if candidate.tuned_threshold is not None:
        chosen["threshold"] = best_threshold(candidate, data, fit, seed=seed)
    _seed_globals(seed)
    return candidate, chosen


class GlobalChance:
    """The global generators, as they were before the candidate."""

    def __init__(self) -> None:
        self._before = self._state()

    def was_used(self) -> bool:
        return self._state() != self._before

    @staticmethod
    def _state() -> tuple[Any, ...]:
        name, keys, *others = np.random.get_state()  # noqa: NPY002 - plugins may use the old global generator
        return random.getstate(), name, np.asarray(keys).tobytes(), *others


def has_random_state(model: Any) -> bool:
    """Whether the model takes a seed, itself or one of its parts; yes, if it does not say."""
    try:
        if "random_state" in inspect.signature(type(model)).parameters:
            return True
        names = model.get_params() if hasattr(model, "get_params") else ()
        return any(name.endswith("random_state") for name in names)
    except Exception:  # noqa: BLE001 - a candidate's own get_params may raise anything
        return True


def _seed_globals(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - plugins may use the old global generator


@dataclass(frozen=True, kw_only=True)
class _FittedCandidate:
    own: Any  #: the object of the candidate's class
    model: Any  #: what is given the frame: `own`, behind the default pipeline or with codes for labels
    seconds: float

    @property
    def preprocessor(self) -> Any:
        return self.model[0] if self._has_pipeline else None

    @property
    def answering(self) -> Any:
        """What is saved beside the preprocessor."""
        return self.model[-1] if self._has_pipeline else self.model

    @property
    def _has_pipeline(self) -> bool:
        return self.model is not self.own and hasattr(self.model, "steps")


def _fit(candidate: Candidate, data: Data, root: Path, seed: int, inside: CellApi) -> _FittedCandidate:
    """Fits the candidate. If its fit fails because it needs codes for labels, it is fitted anew with them."""

    def make() -> tuple[Any, Any]:
        with _load_failures():
            own = build(candidate, root=root, seed=seed, entering=inside.phase)
        inside.phase(Phase.FIT)
        if candidate.preprocess is not Preprocess.AUTO:
            return own, own
        return own, with_preprocessing(own, data.fields, data.X_train, data.y_train)

    own, model = make()
    began = time.perf_counter()
    try:
        model.fit(data.X_train, data.y_train, **weight_arguments(model, data.weights))
    except MemoryError:
        raise
    except Exception:  # a model may raise anything
        if not needs_codes(lambda: make()[1], data):
            raise
        log.info("%s accepts no labels but 0, 1, 2, ...: it learns these, and answers labels", candidate.id)
        _seed_globals(seed)  # the fits that failed may have used them
        own, model = make()
        model = with_codes(model, own)
        began = time.perf_counter()
        model.fit(data.X_train, data.y_train, **weight_arguments(model, data.weights))
    seconds = time.perf_counter() - began
    with _load_failures():
        require_predict(own, candidate)
    return _FittedCandidate(own=own, model=model, seconds=seconds)


@contextmanager
def _bad_predictions() -> Iterator[None]:
    try:
        yield
    except BadPredictionsError as exc:
        raise EntryFailure(type="BadPredictions", message=exc.message, hint=exc.hint, traceback="") from exc


@contextmanager
def _load_failures() -> Iterator[None]:
    try:
        yield
    except LoadError as exc:
        raise EntryFailure(
            type="LoadError",
            message=exc.cause,
            hint=hint_for(exc.__cause__) or exc.fix,
            traceback=exc.traceback,
        ) from exc


def _predict(model: Any, kind: OutputKind, data: Data, inside: CellApi) -> Any:
    values = check_predictions(model.predict(data.X_test), rows=len(data.X_test), output_kind=kind)
    _save(inside, PREDICTIONS, values)
    return values


def _predict_by(
    threshold: float, model: Any, candidate: Candidate, data: Data, inside: CellApi
) -> NDArray[Any]:
    """Writes the labels that the threshold decides, and beside them what it decided by."""
    decided = _decided(threshold, model, candidate, data)
    _save(inside, PREDICTIONS, decided.values)
    if decided.probabilities is not None:
        _save(inside, PROBABILITIES, decided.probabilities)
    elif decided.scores is not None:
        _save(inside, SCORES, decided.scores)
    return decided.values


def _decided(threshold: float, model: Any, candidate: Candidate, data: Data) -> Predictions:
    assert candidate.tuned_threshold is not None  # noqa: S101 - the caller has looked
    fold = InnerFold(data=data, labels=np.empty(len(data.X_test)), weights=None)
    predictions = predictions_on(model, candidate, fold, more_than_labels=True)
    classes = np.unique(plain_labels(data.classes))
    rules = scoring_rules(candidate.tuned_threshold.rules, threshold=threshold)
    decided = to_class_predictions(predictions, classes, rules)
    # Beside labels, scores are those of the greater class.
    sign = 1 if positive_code(classes, rules) == 1 else -1
    return Predictions(
        values=decided.labels,
        output_kind=OutputKind.LABELS,
        probabilities=decided.probabilities,
        scores=None if decided.decisions is None else sign * decided.decisions,
    )


def _answer(
    model: Any, candidate: Candidate, data: Data, chosen: Mapping[str, Any], *, more_than_labels: bool
) -> Predictions:
    """What the model says of the test rows of these data; nothing is written."""
    if "threshold" in chosen:
        return _decided(chosen["threshold"], model, candidate, data)
    fold = InnerFold(data=data, labels=np.empty(len(data.X_test)), weights=None)
    return predictions_on(model, candidate, fold, more_than_labels=more_than_labels)


def _predict_beside(
    fitted: _FittedCandidate, data: Data, inside: CellApi, *, threshold: float | None, heard: Sequence[Any]
) -> None:
    """Writes the probabilities of a model that predicts labels, or else its scores, of two classes.

    `heard`: the probabilities that it asked itself for.
    """
    beside = beside_labels(fitted.model, data.X_test, data.target_kind, heard=heard)
    if beside.probabilities is not None:
        _save(inside, PROBABILITIES, beside.probabilities)
    elif beside.scores is not None:
        _save(inside, SCORES, beside.scores)
    elif threshold is not None:
        raise nothing_to_act_on(f"{threshold:g}", type(fitted.own).__name__)


def _save(inside: CellApi, name: str, values: Any) -> None:
    with inside.output(name) as file:
        np.save(file, values, allow_pickle=False)
