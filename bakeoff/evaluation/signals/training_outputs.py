"""What a training has left: files that are hashed and not unpickled, and saved all together or not at all.

They are together when they have the same version and come from the same training. So of a saver that is
killed in between nothing is left that anybody would load.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.errors import BakeoffError, ConflictError, InfrastructureError, InvalidInputError
from bakeoff.domain.identity import new_id
from bakeoff.domain.model_version import FIRST_VERSION, ModelVersion, VersionNumber, VersionOrigin
from bakeoff.evaluation.reuse.audit_check import sha256
from bakeoff.evaluation.signals.saved_artefacts import LEARNED_AS_OF, TRAINING
from registry.models.model_description import Description
from registry.models.registry_interface import BaseModelRegistry, Fitted

_SAID = {
    "type": str,
    "metrics": dict,
    "hyperparameters": dict,
    "feature_names": list,
    "libraries": dict,
}
_TRIES = 20  #: others may save under the same names meanwhile


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One model of a training, as its cell left it."""

    name: str
    fitted: Fitted
    said: Description


def harvest(
    report: Any, files: Mapping[str, Path], *, candidate: Candidate, dataset: DatasetRef, as_of: date
) -> tuple[Lesson, ...]:
    """`report` is what the cell returned. Strangers may have written anything."""
    told = report if isinstance(report, Mapping) else {}
    models = told.get("models")
    is_whole = all(file.exists() for file in files.values())
    if not isinstance(models, Mapping) or models.keys() != files.keys() or not is_whole:
        raise _incomprehensible(candidate)
    about = {TRAINING: new_id(), LEARNED_AS_OF: as_of.isoformat(), "folds": told.get("folds", [])}
    return tuple(
        Lesson(
            name=name,
            fitted=Fitted(model=file, model_digest=sha256(file)),
            said=_description(models[name], candidate, dataset, about),
        )
        for name, file in files.items()
    )


def _description(
    said: Any, candidate: Candidate, dataset: DatasetRef, about: Mapping[str, Any]
) -> Description:
    if not isinstance(said, Mapping) or said.keys() != _SAID.keys():
        raise _incomprehensible(candidate)
    if not all(isinstance(said[key], kind) for key, kind in _SAID.items()):
        raise _incomprehensible(candidate)
    return Description(
        type=said["type"],
        metrics={str(name): _number(value) for name, value in said["metrics"].items()},
        hyperparameters=said["hyperparameters"],
        description=f"trained by {candidate.id} {candidate.version} as of {about[LEARNED_AS_OF]}",
        tags={"model": candidate.id, "catalogVersion": candidate.version},
        metadata=about,
        feature_names=tuple(map(str, said["feature_names"])),
        libraries={str(name): str(version) for name, version in said["libraries"].items()},
        origin=VersionOrigin(
            candidate_id=candidate.id, dataset_id=dataset.dataset_id, split_id=dataset.split_id
        ),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _incomprehensible(candidate: Candidate) -> InvalidInputError:
    return InvalidInputError(f"what the cell of {candidate.id} says of its training cannot be understood")


def save(lessons: tuple[Lesson, ...], registry: BaseModelRegistry) -> tuple[ModelVersion, ...]:
    """All under one version, which none of the names ever had."""
    version = _next_version(lessons, registry)
    for _ in range(_TRIES):
        with suppress(ConflictError):  # one of the names has had it
            return _save_as(version, lessons, registry)
        version = version.next
    raise InfrastructureError(
        f"others save {' and '.join(lesson.name for lesson in lessons)} all the time: try again later"
    )


def _next_version(lessons: tuple[Lesson, ...], registry: BaseModelRegistry) -> VersionNumber:
    known = [VersionNumber.parse(v.version) for lesson in lessons for v in registry.versions(lesson.name)]
    return max(known).next if known else FIRST_VERSION


def _save_as(
    version: VersionNumber, lessons: tuple[Lesson, ...], registry: BaseModelRegistry
) -> tuple[ModelVersion, ...]:
    saved: list[ModelVersion] = []
    try:
        for lesson in lessons:
            model_id = registry.save_fitted(lesson.fitted, lesson.name, lesson.said, str(version))
            saved.append(registry.get(model_id))
    except BaseException:
        for half in saved:
            with suppress(BakeoffError):
                registry.delete_model(half.uri)
        raise
    return tuple(saved)
