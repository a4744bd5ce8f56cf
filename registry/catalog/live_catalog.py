"""The catalog: the candidates of a project, from config/models.yaml and from installed packages.

    declared -> disabled    `enabled: false`
    declared -> candidates  it was imported and constructed in a cell
    declared -> rejected    that failed; the reason is kept

If the file and an entry point have the same id, the file counts, so that it can configure or disable what a
package declares.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self

from bakeoff.domain.candidate import Candidate, CandidateKind, Rejection
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.signal import DEFAULT_RULES, EnsembleRules, ModelConfig
from registry.catalog import candidate_entry_points, models_yaml_schema
from registry.catalog.catalog_contents import CatalogContents, why_rejected
from registry.code.permitted_environment_and_files import problem_of, with_access_of_all

if TYPE_CHECKING:
    from bakeoff.settings.configuration import Configuration

__all__ = ["Catalog", "CatalogContents", "shared"]

log = logging.getLogger(__name__)

_CACHE_FILE = "checked.json"


class Catalog:
    """Threads can share it: a reader sees the contents before a change or after it, never a mixture.

    A change takes as long as checking the candidates, and waits for an earlier change. If it fails, the old
    contents stay. The catalog never writes to the file.
    """

    def __init__(
        self,
        file: Path,
        *,
        root: Path | None = None,
        import_timeout_s: float = 30,
        closed: Iterable[Path] = (),
        socket: Path | None = None,
        cache_file: Path | None = None,
        env: Sequence[str] = (),
        readable: Sequence[str] = (),
    ) -> None:
        """An empty catalog; `reload` fills it.

        `root`: the folder that plugins are imported from; None means the one above the folder of the file.

        `closed`: what plugins may not read while they are checked, though it is below `root`.
        `env`, `readable`: what every candidate may use from outside its cell, see
        `registry.code.permitted_environment_and_files`.
        `socket`: that of a running oven; with None, each check starts an oven of its own.
        `cache_file`: that of `registry.catalog.tried_candidates_cache`.
        """
        self.file = file.absolute()
        self.root = root or self.file.parent.parent
        self._import_timeout_s = import_timeout_s
        self._closed = tuple(closed)
        self._socket = socket
        self._cache_file = cache_file
        self._env, self._readable = env, readable
        # Held by whatever changes the contents. Without it, a change that began from older contents could
        # undo another one. Readers need no lock, because the contents are replaced in one assignment.
        self._changing = Lock()
        self._contents = CatalogContents.of()

    @classmethod
    def load(
        cls,
        file: Path,
        *,
        root: Path | None = None,
        import_timeout_s: float = 30,
        closed: Iterable[Path] = (),
        socket: Path | None = None,
        cache_file: Path | None = None,
        rejected_anew: bool = False,
    ) -> Self:
        catalog = cls(
            file,
            root=root,
            import_timeout_s=import_timeout_s,
            closed=closed,
            socket=socket,
            cache_file=cache_file,
        )
        catalog.reload(rejected_too=rejected_anew)
        return catalog

    @classmethod
    def of(cls, configuration: "Configuration", *, anew: bool = False, rejected_anew: bool = False) -> Self:
        """The catalog of a project, loaded. Plugins may not read the project's data and settings.

        `anew`: all candidates are checked, also those of which it is known what a check finds.
        `rejected_anew`: those are checked that were rejected before.
        """
        catalog = cls.empty_of(configuration, anew=anew)
        catalog.reload(rejected_too=rejected_anew)
        return catalog

    @classmethod
    def empty_of(cls, configuration: "Configuration", *, anew: bool = False) -> Self:
        """A catalog of the project without candidates, for those that `add` is given."""
        if problem := problem_of(configuration.settings, configuration.root, configuration.secrets):
            raise InvalidInputError(f"the settings open to all candidates what they may not have: {problem}")
        return cls(
            configuration.catalog_file,
            root=configuration.root,
            import_timeout_s=configuration.settings.import_timeout,
            closed=configuration.secrets,
            cache_file=None if anew else configuration.data_dir / _CACHE_FILE,
            env=configuration.settings.env,
            readable=configuration.settings.readable,
        )

    @property
    def contents(self) -> CatalogContents:
        """All parts as of the same moment."""
        return self._contents

    @property
    def candidates(self) -> Mapping[str, Candidate]:
        return self._contents.candidates

    @property
    def disabled(self) -> Mapping[str, Candidate]:
        return self._contents.disabled

    @property
    def rejected(self) -> Mapping[str, Rejection]:
        return self._contents.rejected

    def get(self, candidate_id: str) -> Candidate:
        return self._contents.get(candidate_id)

    def get_model_config(self, model_id: str) -> ModelConfig:
        """The configuration of a signal model, also of a disabled one, with its weight as declared."""
        return self._contents.model_config(model_id)

    def get_ensemble_config(self) -> EnsembleRules:
        return self._contents.rules

    def get_ensemble_weights(self) -> dict[str, float]:
        """The weights of the enabled and healthy signal models by id; their sum is 1."""
        return self._contents.weights

    def validate_weights(self) -> tuple[str, ...]:
        """Remarks, such as that the sum is not 1. InvalidInputError for weights that cannot be used."""
        remark = self._contents.check_weights()
        return (remark,) if remark else ()

    def reload(self, *, rejected_too: bool = True) -> None:
        """Reads the file and the entry points again. What `register` and `unregister` changed is lost.

        `rejected_too`: what was rejected is checked again, although nothing has changed.
        """
        with self._changing:
            read = _read(self.file)
            offered, misnamed = _not_in(read.candidates, *candidate_entry_points.declared())
            declared = (*read.candidates, *offered)
            self._contents = self._checked(
                declared, misnamed, read.ensemble, recall_rejected=not rejected_too
            )

    def load_config(self, file: Path | None = None) -> None:
        """Loads what this file declares, without entry points; None means the present file again."""
        with self._changing:
            path = self.file if file is None else file.absolute()
            read = _read(path)
            self._contents = self._checked(read.candidates, rules=read.ensemble)
            self.file = path

    def auto_register_plugins(self) -> tuple[str, ...]:
        """Adds what installed packages declare and the catalog lacks. Returns the ids of the healthy ones."""
        with self._changing:
            contents = self._contents
            offered, misnamed = _not_in(
                (*contents.candidates.values(), *contents.disabled.values(), *contents.rejected.values()),
                *candidate_entry_points.declared(),
            )
            new = self._checked(offered, misnamed)
            self._contents = contents.merged_with(new)
            return tuple(new.candidates)

    def register(self, candidate: Candidate) -> None:
        """Adds a candidate to this process. InvalidInputError, and no change, if it cannot be loaded."""
        if not models_yaml_schema.ID.fullmatch(candidate.id):
            raise InvalidInputError(f"{candidate.id!r} is no id: use letters, digits, `.`, `_` and `-`")
        with self._changing:
            if candidate.id in self._contents:
                raise InvalidInputError(
                    f"the catalog has a {candidate.id!r} already: unregister it first, or use another id"
                )
            new = self._checked((candidate,))
            if candidate.id in new.rejected:
                raise InvalidInputError(why_rejected(new.rejected[candidate.id]))
            self._contents = self._contents.merged_with(new)

    def add(self, candidates: Iterable[Candidate], *, known: Iterable[Candidate] = ()) -> None:
        """Adds all of them to this process, or none. InvalidInputError says why each bad one is rejected.

        `known` ones are added without a check: the caller has made a model of each.
        """
        candidates, known = tuple(candidates), tuple(known)
        with self._changing:
            for one in (*candidates, *known):
                if one.id in self._contents:
                    raise InvalidInputError(f"the catalog has a {one.id!r} already: give it another name")
            new = self._checked(candidates) if candidates else CatalogContents.of()
            if new.rejected:
                raise InvalidInputError("; ".join(map(why_rejected, new.rejected.values())))
            self._contents = self._contents.merged_with(new).merged_with(
                CatalogContents.of(with_access_of_all(one, self._env, self._readable) for one in known)
            )

    def refuse_unbuildable(self, varied: Iterable[Candidate]) -> None:
        """InvalidInputError if one cannot be built, as with a parameter that its class does not take.

        They are built in a cell, and not added. What a check could not find out, the job will tell.
        """
        from registry.catalog.try_out_candidates import discover

        found = discover(
            [with_access_of_all(one, self._env, self._readable) for one in varied],
            root=self.root,
            import_timeout_s=self._import_timeout_s,
            closed=self._closed,
            socket=self._socket,
            cache_file=self._cache_file,
        )
        for rejection in found.rejections:
            if not rejection.check_failed:
                raise InvalidInputError(f"{rejection.id} cannot be built: {rejection.cause}: {rejection.fix}")

    def unregister(self, candidate_id: str) -> None:
        with self._changing:
            contents = self._contents
            if candidate_id not in contents:
                raise NotFoundError(f"the catalog has no {candidate_id!r}: {contents.why_not(candidate_id)}")
            self._contents = contents.without(candidate_id)

    def _checked(
        self,
        declared: Iterable[Candidate],
        rejected: Iterable[Rejection] = (),
        rules: EnsembleRules = DEFAULT_RULES,
        *,
        recall_rejected: bool = False,
    ) -> CatalogContents:
        from registry.catalog.try_out_candidates import discover

        declared = tuple(with_access_of_all(one, self._env, self._readable) for one in declared)
        found = discover(
            [c for c in declared if c.enabled],
            root=self.root,
            import_timeout_s=self._import_timeout_s,
            closed=self._closed,
            socket=self._socket,
            cache_file=self._cache_file,
            recall_rejected=recall_rejected,
        )
        contents = CatalogContents.of(
            (*found.healthy, *(c for c in declared if not c.enabled)), (*rejected, *found.rejections), rules
        )
        _log_contents(contents)
        return contents


_process_wide: Catalog | None = None
_loading = Lock()  #: without it, two threads could load two catalogs at the first call


def shared(configuration: "Configuration | None" = None) -> Catalog:
    """The catalog of this process. The first call loads it; only that call uses `configuration`."""
    global _process_wide  # noqa: PLW0603 - the one object that P7 wants once per process
    with _loading:
        if _process_wide is None:
            from bakeoff.settings.configuration import load

            _process_wide = Catalog.of(configuration or load())
        return _process_wide


def _read(file: Path) -> models_yaml_schema.CatalogFile:
    read = models_yaml_schema.read(file)
    for remark in read.remarks:
        log.warning("%s", remark)
    return read


def declared_ids(file: Path) -> dict[str, bool]:
    """All ids of the catalog file and of packages, healthy or not, with whether each is enabled.

    Nothing is imported for it.
    """
    offered, misnamed = candidate_entry_points.declared()
    of_packages = {one.id: True for one in misnamed} | {one.id: one.enabled for one in offered}
    return of_packages | {one.id: one.enabled for one in models_yaml_schema.read(file).candidates}


def _not_in(
    named: Iterable[Candidate | Rejection], offered: Iterable[Candidate], misnamed: Iterable[Rejection]
) -> tuple[tuple[Candidate, ...], tuple[Rejection, ...]]:
    taken = {one.id for one in named}
    return tuple(c for c in offered if c.id not in taken), tuple(r for r in misnamed if r.id not in taken)


def _log_contents(contents: CatalogContents) -> None:
    for candidate in contents.candidates.values():
        noun = "signal model" if candidate.kind is CandidateKind.SIGNAL else "candidate"
        log.info("%s %s, version %s, is ready", noun, candidate.id, candidate.version)
    for rejection in contents.rejected.values():
        log.warning(
            "candidate %s, version %s, was rejected: %s: %s",
            rejection.id,
            rejection.version,
            rejection.cause,
            rejection.fix,
        )
    _log_weights(contents)


def _log_weights(contents: CatalogContents) -> None:
    """Logs remarks. If signal models were rejected, the weights of the others may be unusable: a warning."""
    try:
        if remark := contents.check_weights():
            log.warning("%s", remark)
        shares = contents.weights
    except InvalidInputError as exc:
        log.warning("there can be no ensemble: %s", exc)
        return
    if shares:
        log.info("the ensemble weighs %s", ", ".join(f"{m} {share:.3g}" for m, share in shares.items()))
