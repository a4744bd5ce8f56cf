"""In the cell: unpickle a saved version, and let it predict the test rows of a run.

It answers as it would answer any caller: its columns are checked and converted, and its own threshold and
positive label decide. The cell sees no test label.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.runs.job import Phase
from bakeoff.evaluation.datasets.read_snapshot import Data, open_snapshot
from bakeoff.inference.loaded_version import LoadedVersion
from bakeoff.settings import log_setup
from registry.columns.classes_from_predictions import columns_of
from registry.models.local import artefact_files
from registry.models.registry_interface import Fitted, Loaded
from registry.models.unpickle_with_version_warning import unpickle

#: The type of an error whose message says all: the version does not load, or does not fit these columns.
REFUSAL = "Refusal"

LABELS = "labels"  #: or numbers
BESIDE = "beside"  #: probabilities or scores, a column for each class of the dataset; not always written


def payload_of(
    version: ModelVersion, copied: Fitted, *, snapshot: Path, probabilities: bool, about: Mapping[str, str]
) -> dict[str, Any]:
    """For `answer`. `snapshot` is its open folder; `probabilities`: whether a metric may need them."""
    return {
        "about": dict(about),
        "version": {
            "name": version.name,
            "type": version.type,
            "version": version.version,
            "metadata": dict(version.metadata),
            "signature": None if version.signature is None else dict(version.signature),
            "feature_names": None if version.feature_names is None else list(version.feature_names),
            "libraries": dict(version.libraries),
        },
        "model": [str(copied.model), copied.model_digest],
        "preprocessor": [str(copied.preprocessor), copied.preprocessor_digest]
        if copied.preprocessor
        else None,
        "snapshot": str(snapshot),
        "probabilities": probabilities,
    }


def answer(payload: Mapping[str, Any], inside: CellApi) -> None:
    log_setup.set_ids(**payload["about"])
    data = open_snapshot(Path(payload["snapshot"]))
    inside.phase(Phase.LOAD)
    try:
        loaded = LoadedVersion.of(_loaded(payload))
        inside.phase(Phase.PREDICT)
        labels, beside = _answers(loaded, data, probabilities=payload["probabilities"])
    except BakeoffError as exc:  # its message is for people as it is; our own traceback would not help them
        raise EntryFailure(type=REFUSAL, message=str(exc)) from exc
    for name, values in ((LABELS, labels), (BESIDE, beside)):
        if values is not None:
            with inside.output(name) as file:
                np.save(file, values, allow_pickle=False)


def _loaded(payload: Mapping[str, Any]) -> Loaded:
    said = payload["version"]
    names = said["feature_names"]
    version = ModelVersion(
        **{**said, "feature_names": None if names is None else tuple(names)},
        id=said["version"],
        serial=0,
        created_at=datetime.now(UTC),
        file_path=payload["model"][0],
        digest=payload["model"][1],
        size_bytes=0,
    )
    beside = payload["preprocessor"]
    return Loaded(
        version=version,
        model=_unpickled(payload["model"], version.uri, version),
        preprocessor_artifact=beside and _unpickled(beside, f"the preprocessor of {version.uri}", version),
    )


def _unpickled(copied: tuple[str, str], what: str, version: ModelVersion) -> Any:
    file, digest = copied
    return unpickle(artefact_files.read(Path(file), digest), what, version.libraries)


def _answers(
    loaded: LoadedVersion, data: Data, *, probabilities: bool
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Probabilities are left out if the model's classes are not those of the dataset."""
    rules = loaded.output_rules
    if not (probabilities and loaded.has_probabilities and _has_classes_of(data, rules.classes)):
        return loaded.answer(data.X_test).predictions, None
    result = loaded.answer(data.X_test, probabilities=True)
    return result.predictions, columns_of(
        np.asarray(result.probabilities), rules.beside, np.asarray(rules.classes), rules.rules
    )


def _has_classes_of(data: Data, classes: NDArray[Any] | None) -> bool:
    return classes is not None and bool(classes.size) and classes.tolist() == list(data.classes)
