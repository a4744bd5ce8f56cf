"""The saved models of a signal model: which versions belong together, and how they reach its cell.

Nothing is unpickled on the way. The cell verifies once more what it unpickles.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import NotFoundError, TamperedError
from bakeoff.domain.model_version import ModelVersion, VersionFilter, VersionNumber
from bakeoff.domain.signal import Artefact
from registry.code.call_signal_model import artefact_version_of
from registry.models.local import artefact_files
from registry.models.registry_interface import BaseModelRegistry
from registry.models.unpickle_with_version_warning import unpickle

#: In the metadata of a version: the id of its training, which all versions of one training share.
TRAINING = "training"
#: In the metadata: the last day whose data the training used.
LEARNED_AS_OF = "asOf"


@dataclass(frozen=True, kw_only=True)
class ArtefactCopy:
    """A copy of a saved model, in a file that the cell may read."""

    name: str  #: as the plugin's class calls it
    file: str
    digest: str
    uri: str
    libraries: Mapping[str, str]  #: versions that it was fitted with

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


def resolve_artefacts(
    candidate: Candidate, registry: BaseModelRegistry | None, *, as_of: date | None = None
) -> tuple[Artefact, ...]:
    """The saved models that the candidate works with, all from one training.

    They have the version that the catalog names, else the newest one that all of them have and that learned
    nothing after the date. If there is none, NotFoundError says what there is. `registry` is None where
    nothing was ever saved; without `as_of` any day will do.
    """
    names, pinned = candidate.artefacts, artefact_version_of(candidate)
    if not names:
        return ()
    by_name = {name: _versions(registry, name) for name in names}
    complete = [
        number for number in by_name[names[0]] if _is_one_training([by_name[n].get(number) for n in names])
    ]
    if not complete or pinned not in {None, *complete}:
        raise NotFoundError(_missing(candidate, by_name, pinned))
    learned = {number: _learned(by_name[name][number] for name in names) for number in complete}
    in_time = [number for number in complete if as_of is None or (learned[number] or "") <= str(as_of)]
    chosen = max(in_time, key=VersionNumber.parse, default=None) if pinned is None else pinned
    if chosen is None:  # nothing was pinned, and nothing is in time
        raise NotFoundError(_too_late(candidate, learned, as_of))
    return tuple(_artefact(by_name[name][chosen]) for name in names)


def _versions(registry: BaseModelRegistry | None, name: str) -> dict[str, ModelVersion]:
    return (
        {}
        if registry is None
        else {version.version: version for version in registry.versions(VersionFilter(name=name))}
    )


def _is_one_training(versions: Sequence[ModelVersion | None]) -> bool:
    trainings = {version and version.metadata.get(TRAINING) for version in versions}
    return None not in versions and len(trainings) == 1


def _learned(versions: Iterable[ModelVersion]) -> str | None:
    """The last day that one of them learned from; None where it is not known."""
    days = (version.metadata.get(LEARNED_AS_OF) for version in versions)
    return max((day for day in days if isinstance(day, str)), default=None)


def _artefact(version: ModelVersion) -> Artefact:
    return Artefact(
        name=version.name,
        version=version.version,
        uri=version.uri,
        digest=version.digest,
        learned_as_of=_learned([version]),
    )


def _missing(
    candidate: Candidate, by_name: Mapping[str, Mapping[str, ModelVersion]], pinned: str | None
) -> str:
    which = "" if pinned is None else f" and of version {pinned}"
    there = "; ".join(f"{name}: {', '.join(known) or 'none'}" for name, known in by_name.items())
    return f"{candidate.id} works with saved models of one training{which}, and there are none ({there})"


def _too_late(candidate: Candidate, learned: Mapping[str, str | None], as_of: date | None) -> str:
    there = ", ".join(f"{number} learned as of {day}" for number, day in learned.items())
    return f"each saved version of {candidate.id} learned from what came after {as_of} ({there})"


def copy_out(
    wanted: Sequence[Artefact], registry: BaseModelRegistry, folder: Path
) -> tuple[ArtefactCopy, ...]:
    """Copy them to files in this folder. TamperedError if one has changed since the run began."""
    return tuple(_copy(artefact, registry, folder / str(place)) for place, artefact in enumerate(wanted))


def _copy(artefact: Artefact, registry: BaseModelRegistry, folder: Path) -> ArtefactCopy:
    folder.mkdir()
    version, copied = registry.copy_fitted(artefact.uri, folder)
    if artefact.digest not in {None, version.digest}:
        raise TamperedError(f"{artefact.uri} is not what it was when the run began: it is not loaded")
    return ArtefactCopy(
        name=artefact.name,
        file=str(copied.model),
        digest=version.digest,
        uri=version.uri,
        libraries=version.libraries,
    )


def unpickle_copies(copies: Sequence[ArtefactCopy]) -> dict[str, Any]:
    """Called in the cell: the models, by the names that the plugin's class has for them."""
    return {
        copy.name: unpickle(artefact_files.read(Path(copy.file), copy.digest), copy.uri, copy.libraries)
        for copy in copies
    }
