"""In the cell: build one candidate, fit it, let it predict, and write its predictions.

The cell gets the training data and the test features. It never sees a test label.
"""

import random
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.domain.candidate import Candidate, OutputKind, Preprocess
from bakeoff.domain.machine.folders import SOURCES
from bakeoff.domain.runs.job import Phase
from bakeoff.evaluation.datasets.snapshot import Data, open_snapshot
from bakeoff.evaluation.jobs.pickle_fitted_model import pickle_model
from bakeoff.evaluation.jobs.preprocessing import with_preprocessing
from bakeoff.settings import log_setup
from registry.code.file_access_audit import FileAccessAudit
from registry.code.library_versions import loaded_environment
from registry.code.model_building import LoadError, build
from registry.columns.predictions import BadPredictionsError, check_predictions

PREDICTIONS = "predictions"
PROBABILITIES = "probabilities"


def warm_up() -> None:
    """Called by the oven once, before it forks cells: every cell has what is imported and cached here.

    It also reads the versions of the loaded libraries, so that cells report the versions that they really
    have, even if others are installed later.
    """
    loaded_environment()
    _fit_tiny_data(Candidate(id="warm-up", version="1", path=f"{__name__}:_Constant"))


def warm_up_sklearn() -> None:
    """Fits a model of scikit-learn that needs no BLAS.

    At its first fit scikit-learn searches all installed packages for kinds of data frames, and caches that.
    """
    _fit_tiny_data(Candidate(id="warm-up", version="1", path="sklearn.naive_bayes:GaussianNB"))


class _Constant:
    def fit(self, _: Any, __: Any) -> "_Constant":
        return self

    def predict(self, X: Any) -> Any:
        return np.ones(len(X), dtype=int)


def _fit_tiny_data(candidate: Candidate) -> None:
    import pandas as pd

    tiny = pd.DataFrame({"a": [0.0, 1.0, 2.0, 4.0], "b": [1, 2, 4, 2]})
    model = build(candidate, root=SOURCES, seed=0).fit(tiny, np.array([0, 1, 0, 1]))
    values = check_predictions(model.predict(tiny), rows=len(tiny), output_kind=candidate.output_kind)
    file = BytesIO()
    np.save(file, values, allow_pickle=False)
    np.load(BytesIO(file.getvalue()), allow_pickle=False)


def run(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    """The entry of the cell: takes what `evaluation_job.payload_of` returns, and returns its report."""
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.set_ids(**payload["about"], modelId=candidate.id)
    seed: int = payload["seed"]
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - plugins may use the old global generator
    data = open_snapshot(Path(payload["snapshot"]), features=candidate.features)
    audit = FileAccessAudit(private=(inside.scratch, Path.cwd(), Path(payload["snapshot"])))
    if payload["audited"]:
        audit.begin()
    built = _build(candidate, Path(payload["root"]), seed, inside)
    model = with_preprocessing(built, data.fields) if candidate.preprocess is Preprocess.AUTO else built
    inside.phase(Phase.FIT)
    began = time.perf_counter()
    model.fit(data.X_train, data.y_train)
    fit_end = time.perf_counter()
    inside.phase(Phase.PREDICT)
    predictions = _predict(model, candidate.output_kind, data, inside, probabilities=payload["probabilities"])
    report = {
        "fitSeconds": fit_end - began,
        "predictSeconds": time.perf_counter() - fit_end,
        "audit": audit.report(),
        "surroundings": loaded_environment(),
    }
    if payload["saveAs"] is None:
        return report
    inside.phase(Phase.SAVE)
    fitted = pickle_model(
        built,
        None if model is built else model[0],
        name=payload["saveAs"],
        limit_mb=payload["modelLimitMb"],
        candidate=candidate,
        data=data,
        predictions=predictions,
        inside=inside,
    )
    return {**report, "fitted": fitted}


def _build(candidate: Candidate, root: Path, seed: int, inside: CellApi) -> Any:
    try:
        return build(candidate, root=root, seed=seed, entering=inside.phase)
    except LoadError as exc:
        raise EntryFailure(
            type="LoadError", message=exc.cause, hint=exc.fix, traceback=exc.traceback
        ) from exc


def _predict(model: Any, kind: OutputKind, data: Data, inside: CellApi, *, probabilities: bool) -> Any:
    rows = len(data.X_test)
    try:
        values = check_predictions(model.predict(data.X_test), rows=rows, output_kind=kind)
        _save(inside, PREDICTIONS, values)
        if probabilities and kind is OutputKind.LABELS and hasattr(model, "predict_proba"):
            raw = model.predict_proba(data.X_test)
            _save(inside, PROBABILITIES, check_predictions(raw, rows=rows, output_kind=OutputKind.PROBA))
    except BadPredictionsError as exc:
        raise EntryFailure(type="BadPredictions", message=exc.message, hint=exc.hint, traceback="") from exc
    return values


def _save(inside: CellApi, name: str, values: Any) -> None:
    with inside.output(name) as file:
        np.save(file, values, allow_pickle=False)
