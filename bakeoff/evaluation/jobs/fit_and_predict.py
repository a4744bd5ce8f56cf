"""What happens in the cell: build one candidate, fit it, let it predict.

It is given training data and test features, and leaves predictions behind; it never sees a test label.
"""

import random
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.cell.inside.cell_api import CellApi, Fault
from bakeoff.domain.candidate import Candidate, OutputKind, Preprocess
from bakeoff.domain.job import Phase
from bakeoff.domain.own_folders import SOURCES
from bakeoff.evaluation.datasets.preprocessing import with_preprocessing
from bakeoff.evaluation.datasets.snapshot import Data, open_snapshot
from bakeoff.evaluation.jobs.leave_model import leave_behind
from bakeoff.settings import log_setup
from registry.code.file_access_audit import FileAccessAudit
from registry.code.library_versions import loaded_surroundings
from registry.code.model_building import LoadError, build
from registry.columns.predictions import BadPredictionsError, check_predictions

PREDICTIONS = "predictions"
PROBABILITIES = "probabilities"


def warm_up() -> None:
    """Called once in the oven: what is loaded and remembered when it is first used, cells have.

    So do they know the versions of what is loaded, whatever is installed later.
    """
    loaded_surroundings()
    _rehearse(Candidate(id="warm-up", version="1", path=f"{__name__}:_Constant"))


def warm_up_sklearn() -> None:
    """The same for what scikit-learn does when it first sees data, by a model that needs no BLAS.

    Most of it is asking each installed package whether it brings a kind of frame.
    """
    _rehearse(Candidate(id="warm-up", version="1", path="sklearn.naive_bayes:GaussianNB"))


class _Constant:
    def fit(self, _: Any, __: Any) -> "_Constant":
        return self

    def predict(self, X: Any) -> Any:
        return np.ones(len(X), dtype=int)


def _rehearse(candidate: Candidate) -> None:
    import pandas as pd

    tiny = pd.DataFrame({"a": [0.0, 1.0, 2.0, 4.0], "b": [1, 2, 4, 2]})
    model = build(candidate, root=SOURCES, seed=0).fit(tiny, np.array([0, 1, 0, 1]))
    values = check_predictions(model.predict(tiny), rows=len(tiny), output_kind=candidate.output_kind)
    file = BytesIO()
    np.save(file, values, allow_pickle=False)
    np.load(BytesIO(file.getvalue()), allow_pickle=False)


def run(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.begin(**payload["about"], modelId=candidate.id)
    seed: int = payload["seed"]
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - plugins may use the old global generator
    data = open_snapshot(Path(payload["snapshot"]), features=candidate.features)
    witness = FileAccessAudit(private=(inside.scratch, Path.cwd(), Path(payload["snapshot"])))
    if payload["witnessed"]:
        witness.begin()
    own = _build(candidate, Path(payload["root"]), seed, inside)
    model = with_preprocessing(own, data.fields) if candidate.preprocess is Preprocess.AUTO else own
    inside.phase(Phase.FIT)
    began = time.perf_counter()
    model.fit(data.X_train, data.y_train)
    fitted = time.perf_counter()
    inside.phase(Phase.PREDICT)
    predictions = _predict(model, candidate.output_kind, data, inside, probabilities=payload["probabilities"])
    report = {
        "fitSeconds": fitted - began,
        "predictSeconds": time.perf_counter() - fitted,
        "testimony": witness.testimony(),
        "surroundings": loaded_surroundings(),
    }
    if payload["saveAs"] is None:
        return report
    inside.phase(Phase.SAVE)
    left = leave_behind(
        own,
        None if model is own else model[0],
        name=payload["saveAs"],
        candidate=candidate,
        data=data,
        predictions=predictions,
        inside=inside,
    )
    return {**report, "fitted": left}


def _build(candidate: Candidate, root: Path, seed: int, inside: CellApi) -> Any:
    try:
        return build(candidate, root=root, seed=seed, entering=inside.phase)
    except LoadError as exc:
        raise Fault(type="LoadError", message=exc.cause, hint=exc.fix, traceback=exc.traceback) from exc


def _predict(model: Any, kind: OutputKind, data: Data, inside: CellApi, *, probabilities: bool) -> Any:
    rows = len(data.X_test)
    try:
        values = check_predictions(model.predict(data.X_test), rows=rows, output_kind=kind)
        _save(inside, PREDICTIONS, values)
        if probabilities and kind is OutputKind.LABELS and hasattr(model, "predict_proba"):
            raw = model.predict_proba(data.X_test)
            _save(inside, PROBABILITIES, check_predictions(raw, rows=rows, output_kind=OutputKind.PROBA))
    except BadPredictionsError as exc:
        raise Fault(type="BadPredictions", message=exc.message, hint=exc.hint, traceback="") from exc
    return values


def _save(inside: CellApi, name: str, values: Any) -> None:
    with inside.output(name) as file:
        np.save(file, values, allow_pickle=False)
