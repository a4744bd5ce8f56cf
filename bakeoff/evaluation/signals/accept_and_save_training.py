"""What the supervisor accepts of a training, and saves: all models of the training together, or none.

The files are hashed and not unpickled. Models belong together if they have the same version and come from the
same training. If the saving process is killed in between, the models that it has saved are never loaded,
since others of their training are missing.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError, ConflictError, InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.model_version import (
    FIRST_VERSION,
    ModelVersion,
    VersionFilter,
    VersionNumber,
    VersionOrigin,
)
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.evaluation.signals.artefacts_for_signal_cell import LEARNED_AS_OF, TRAINING
from registry.models.model_description import Description
from registry.models.registry_interface import BaseModelRegistry, Fitted

_DESCRIPTION = {
    "type": str,
    "metrics": dict,
    "hyperparameters": dict,
    "feature_names": list,
    "libraries": dict,
}
_TRIES = 20  #: another process may save under the same names meanwhile


@dataclass(frozen=True, kw_only=True)
class TrainedArtefact:
    """One model of a training, as its cell wrote it."""

    name: str
    fitted: Fitted
    description: Description


def accept_training(
    report: Any, files: Mapping[str, Path], *, candidate: Candidate, dataset: DatasetRef, as_of: date
) -> tuple[TrainedArtefact, ...]:
    """`report` is what the cell returned. It comes from untrusted code, so its form is checked."""
    reported = report if isinstance(report, Mapping) else {}
    models = reported.get("models")
    is_complete = all(file.exists() for file in files.values())
    if not isinstance(models, Mapping) or models.keys() != files.keys() or not is_complete:
        raise _not_understood(candidate)
    about = {TRAINING: new_id(), LEARNED_AS_OF: as_of.isoformat(), "folds": reported.get("folds", [])}
    return tuple(
        TrainedArtefact(
            name=name,
            fitted=Fitted(model=file, model_digest=sha256(file)),
            description=_description(models[name], candidate, dataset, about),
        )
        for name, file in files.items()
    )


def _description(
    claimed: Any, candidate: Candidate, dataset: DatasetRef, about: Mapping[str, Any]
) -> Description:
    if not isinstance(claimed, Mapping) or claimed.keys() != _DESCRIPTION.keys():
        raise _not_understood(candidate)
    if not all(isinstance(claimed[key], kind) for key, kind in _DESCRIPTION.items()):
        raise _not_understood(candidate)
    return Description(
        type=claimed["type"],
        metrics={str(name): _number(value) for name, value in claimed["metrics"].items()},
        hyperparameters=claimed["hyperparameters"],
        description=f"trained by {candidate.id} {candidate.version} as of {about[LEARNED_AS_OF]}",
        tags={"model": candidate.id, "catalogVersion": candidate.version},
        metadata=about,
        feature_names=tuple(map(str, claimed["feature_names"])),
        libraries={str(name): str(version) for name, version in claimed["libraries"].items()},
        origin=VersionOrigin(
            candidate_id=candidate.id, dataset_id=dataset.dataset_id, split_id=dataset.split_id
        ),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _not_understood(candidate: Candidate) -> InvalidInputError:
    return InvalidInputError(f"what the cell of {candidate.id} says of its training cannot be understood")


def save_together(
    artefacts: tuple[TrainedArtefact, ...], registry: BaseModelRegistry
) -> tuple[ModelVersion, ...]:
    """Saves all models under one version number, which none of their names has had before."""
    version = _next_version(artefacts, registry)
    for _ in range(_TRIES):
        with suppress(ConflictError):  # another process has just used this version for one of the names
            return _save_as(version, artefacts, registry)
        version = version.next
    raise InfrastructureError(
        f"others save {' and '.join(artefact.name for artefact in artefacts)} all the time: try again later"
    )


def _next_version(artefacts: tuple[TrainedArtefact, ...], registry: BaseModelRegistry) -> VersionNumber:
    known = [
        VersionNumber.parse(v.version)
        for artefact in artefacts
        for v in registry.versions(VersionFilter(name=artefact.name))
    ]
    return max(known).next if known else FIRST_VERSION


def _save_as(
    version: VersionNumber, artefacts: tuple[TrainedArtefact, ...], registry: BaseModelRegistry
) -> tuple[ModelVersion, ...]:
    saved: list[ModelVersion] = []
    try:
        for artefact in artefacts:
            model_id = registry.save_fitted(
                artefact.fitted, artefact.name, artefact.description, str(version)
            )
            saved.append(registry.get(model_id))
    except BaseException:
        # Also if the process has to stop: a part of a training is of no use.
        for version_saved in saved:
            with suppress(BakeoffError):
                registry.delete_model(version_saved.uri)
        raise
    return tuple(saved)
