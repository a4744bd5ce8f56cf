"""The catalog: the candidates of a project, from config/models.yaml and from installed packages.

    declared -> disabled    `enabled: false`
    declared -> candidates  it was imported and constructed in a cell
    declared -> rejected    it was not, and why

The file wins an id over an entry point, so that it can configure or disable what a package declares.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from domain.candidate import Candidate, Rejection
from domain.errors import InvalidInputError, NotFoundError
from registry import entry_points, schema
from registry.importer import nearest

if TYPE_CHECKING:
    from config.loading import Configuration

log = logging.getLogger(__name__)

_MEMORY = "checked.json"


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What is in a catalog at one moment; it never changes, a new one takes its place."""

    candidates: Mapping[str, Candidate]  #: enabled and healthy: those that can take part
    disabled: Mapping[str, Candidate]
    rejected: Mapping[str, Rejection]

    def __contains__(self, candidate_id: str) -> bool:
        return any(candidate_id in part for part in (self.candidates, self.disabled, self.rejected))

    def to_record(self) -> dict[str, list[dict[str, Any]]]:
        """The shelf as it leaves the system: over HTTP, in `--json`."""
        return {
            "candidates": [candidate.to_record() for candidate in self.candidates.values()],
            "disabled": [candidate.to_record() for candidate in self.disabled.values()],
            "rejected": [rejection.to_record() for rejection in self.rejected.values()],
        }


class Catalog:
    """Safe to share between threads: a reader sees one shelf or the next, never half of each.

    What changes it takes as long as checking candidates takes, one change at a time; if it fails, the old
    shelf stays. The file is never written to.
    """

    def __init__(
        self,
        file: Path,
        *,
        root: Path | None = None,
        import_timeout_s: float = 30,
        closed: Iterable[Path] = (),
        socket: Path | None = None,
        memory: Path | None = None,
    ) -> None:
        """Empty. `root`: the folder that plugins are imported from, the one above that of the file if None.

        `closed`: what plugins may not read while they are checked, though it is below `root`.
        `socket`: of an Oven that runs already; with None, each check starts one of its own.
        `memory`: a file of who was found healthy before, see `registry.checked`.
        """
        self.file = file.absolute()
        self.root = root or self.file.parent.parent
        self._import_timeout_s = import_timeout_s
        self._closed = tuple(closed)
        self._socket = socket
        self._memory = memory
        self._changing = Lock()
        self._shelf = _shelf()

    @classmethod
    def load(
        cls,
        file: Path,
        *,
        root: Path | None = None,
        import_timeout_s: float = 30,
        closed: Iterable[Path] = (),
        socket: Path | None = None,
        memory: Path | None = None,
    ) -> Self:
        catalog = cls(
            file,
            root=root,
            import_timeout_s=import_timeout_s,
            closed=closed,
            socket=socket,
            memory=memory,
        )
        catalog.reload()
        return catalog

    @classmethod
    def of(cls, configuration: "Configuration", *, anew: bool = False) -> Self:
        """That of a project, loaded. Its data and its settings are closed to the plugins.

        `anew`: who was found healthy before is checked like all others.
        """
        return cls.load(
            configuration.catalog_file,
            root=configuration.root,
            import_timeout_s=configuration.settings.import_timeout,
            closed=configuration.secrets,
            memory=None if anew else configuration.data_dir / _MEMORY,
        )

    @property
    def shelf(self) -> Shelf:
        """For a reader that needs more than one part, all from the same moment."""
        return self._shelf

    @property
    def candidates(self) -> Mapping[str, Candidate]:
        return self._shelf.candidates

    @property
    def disabled(self) -> Mapping[str, Candidate]:
        return self._shelf.disabled

    @property
    def rejected(self) -> Mapping[str, Rejection]:
        return self._shelf.rejected

    def get(self, candidate_id: str) -> Candidate:
        shelf = self._shelf
        if candidate_id in shelf.candidates:
            return shelf.candidates[candidate_id]
        raise NotFoundError(f"there is no candidate {candidate_id!r} to run: {_why_not(shelf, candidate_id)}")

    def reload(self) -> None:
        """File and entry points again; what `register` and `unregister` did is forgotten."""
        with self._changing:
            declared = schema.read(self.file).candidates
            offered, misnamed = _not_in(declared, *entry_points.declared())
            self._shelf = self._checked((*declared, *offered), misnamed)

    def load_config(self, file: Path | None = None) -> None:
        """What this file declares, or the present one again, and nothing else."""
        with self._changing:
            path = self.file if file is None else file.absolute()
            self._shelf = self._checked(schema.read(path).candidates)
            self.file = path

    def auto_register_plugins(self) -> tuple[str, ...]:
        """Adds what installed packages declare and the catalog does not name; the ids that are healthy."""
        with self._changing:
            shelf = self._shelf
            offered, misnamed = _not_in(
                (*shelf.candidates.values(), *shelf.disabled.values(), *shelf.rejected.values()),
                *entry_points.declared(),
            )
            new = self._checked(offered, misnamed)
            self._shelf = _both(shelf, new)
            return tuple(new.candidates)

    def register(self, candidate: Candidate) -> None:
        """Adds a candidate to this process; one that cannot be loaded is refused and not kept."""
        if not schema.ID.fullmatch(candidate.id):
            raise InvalidInputError(f"{candidate.id!r} is no id: use letters, digits, `.`, `_` and `-`")
        with self._changing:
            if candidate.id in self._shelf:
                raise InvalidInputError(
                    f"the catalog has a {candidate.id!r} already: unregister it first, or use another id"
                )
            new = self._checked((candidate,))
            if candidate.id in new.rejected:
                raise InvalidInputError(_why_rejected(new.rejected[candidate.id]))
            self._shelf = _both(self._shelf, new)

    def unregister(self, candidate_id: str) -> None:
        with self._changing:
            shelf = self._shelf
            if candidate_id not in shelf:
                raise NotFoundError(f"the catalog has no {candidate_id!r}: {_why_not(shelf, candidate_id)}")
            self._shelf = _shelf(
                (c for c in (*shelf.candidates.values(), *shelf.disabled.values()) if c.id != candidate_id),
                (r for r in shelf.rejected.values() if r.id != candidate_id),
            )

    def _checked(self, declared: Iterable[Candidate], rejected: Iterable[Rejection] = ()) -> Shelf:
        from registry.discovery import discover

        declared = tuple(declared)
        found = discover(
            [c for c in declared if c.enabled],
            root=self.root,
            import_timeout_s=self._import_timeout_s,
            closed=self._closed,
            socket=self._socket,
            memory=self._memory,
        )
        shelf = _shelf(
            (*found.healthy, *(c for c in declared if not c.enabled)), (*rejected, *found.rejections)
        )
        _tell(shelf)
        return shelf


_process_wide: Catalog | None = None
_loading = Lock()


def shared(configuration: "Configuration | None" = None) -> Catalog:
    """The catalog of this process, loaded at the first call, which alone looks at `configuration`."""
    global _process_wide  # noqa: PLW0603 - the one object that P7 wants once per process
    with _loading:
        if _process_wide is None:
            from config.loading import load

            _process_wide = Catalog.of(configuration or load())
        return _process_wide


def _shelf(candidates: Iterable[Candidate] = (), rejections: Iterable[Rejection] = ()) -> Shelf:
    declared = tuple(candidates)
    return Shelf(
        candidates=MappingProxyType({c.id: c for c in declared if c.enabled}),
        disabled=MappingProxyType({c.id: c for c in declared if not c.enabled}),
        rejected=MappingProxyType({r.id: r for r in rejections}),
    )


def _both(old: Shelf, new: Shelf) -> Shelf:
    return Shelf(
        candidates=MappingProxyType({**old.candidates, **new.candidates}),
        disabled=MappingProxyType({**old.disabled, **new.disabled}),
        rejected=MappingProxyType({**old.rejected, **new.rejected}),
    )


def _not_in(
    named: Iterable[Candidate | Rejection], offered: Iterable[Candidate], misnamed: Iterable[Rejection]
) -> tuple[tuple[Candidate, ...], tuple[Rejection, ...]]:
    taken = {one.id for one in named}
    return tuple(c for c in offered if c.id not in taken), tuple(r for r in misnamed if r.id not in taken)


def _why_not(shelf: Shelf, candidate_id: str) -> str:
    if candidate_id in shelf.rejected:
        return _why_rejected(shelf.rejected[candidate_id])
    if candidate_id in shelf.disabled:
        return f"it is disabled: set `enabled: true` in the catalog file, or add `--with {candidate_id}`"
    known = ", ".join(shelf.candidates) or "none at all"
    return nearest(candidate_id, shelf.candidates) or f"there are {known}"


def _why_rejected(rejection: Rejection) -> str:
    return f"{rejection.id} was rejected because {rejection.cause}: {rejection.fix}"


def _tell(shelf: Shelf) -> None:
    for candidate in shelf.candidates.values():
        log.info("candidate %s, version %s, is ready", candidate.id, candidate.version)
    for rejection in shelf.rejected.values():
        log.warning(
            "candidate %s, version %s, was rejected: %s: %s",
            rejection.id,
            rejection.version,
            rejection.cause,
            rejection.fix,
        )
