"""The interface of the registry of trained models.

Callers know only this class. The configuration chooses a backend, and packages can add others, which
`tests/contract/` tests. A backend implements the abstract methods; the other methods follow from them.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.domain.errors import InvalidInputError, NotFoundError, TamperedError
from bakeoff.domain.model_version import (
    EVERY_VERSION,
    NO_VERSION,
    NOWHERE,
    ModelVersion,
    Promotion,
    Stage,
    VersionFilter,
    VersionOrigin,
    is_uri,
    overtaken,
    parse_uri,
)
from registry.models.model_description import Description, describe
from registry.models.model_description import preprocessor_artifact as as_artifact

__all__ = [
    "NO_VERSION",
    "BaseModelRegistry",
    "Description",
    "Fitted",
    "Identifier",
    "Loaded",
    "bundle_of",
    "no_such_model",
    "overtaken",
]

log = logging.getLogger(__name__)

#: The files that `copy_fitted` makes.
MODEL_COPY, PREPROCESSOR_COPY = "model.pkl", "preprocessor.pkl"

#: The id that `save_model` returned, or its text; `name/version`; or a URI (`domain.model_uri`).
Identifier = int | str


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model as a cell wrote it, or a copy for a cell. Its bytes were hashed, and it is not unpickled."""

    model: Path  #: a pickle, protocol 5
    model_digest: str  #: SHA-256; a copy with another digest is refused
    preprocessor: Path | None = None  #: a pickle of the dict of `preprocessor_artifact`
    preprocessor_digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A version whose files were verified and unpickled."""

    version: ModelVersion
    model: Any
    preprocessor_artifact: Mapping[str, Any] | None  #: as `registry.preprocessor` makes it
    input_example: Any = None  #: a DataFrame, or None


class BaseModelRegistry(ABC):
    """A backend of the registry. It promises:

    - a listed version loads; a save is complete or has no effect, even if its process is killed;
    - two savers at once never get the same version, and a used version is never given again;
    - at most one version of a name is in Production, and each change of stage is an entry of the log;
    - a file that differs from the saved one is never unpickled;
    - any number of threads and processes may use it at once, also after a fork;
    - an invalid name or version is refused (`bakeoff.domain.model_version`); a valid one is kept unchanged.
    """

    def save_model(  # noqa: PLR0917 - callers of the contract give them by place
        self,
        model: Any,
        model_name: str,
        model_type: str | None = None,
        metrics: Mapping[str, float | None] | None = None,
        hyperparameters: Mapping[str, Any] | None = None,
        description: str | None = None,
        version: str | None = None,
        preprocessor_artifact: Any = None,
        signature: Any = None,
        input_example: Any = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        feature_names: Sequence[str] | None = None,
        origin: VersionOrigin = NOWHERE,
    ) -> Identifier:
        """Saves a model and returns the id of the new version.

        Without `version`: one patch above the highest that the name ever had, 1.0.0 at first. Without
        `model_type`: the name of the class. `preprocessor_artifact` is a transformer, or a dict with the
        keys of `registry.models.model_description`. `signature` is inferred from `input_example` when absent.
        """
        preprocessor = as_artifact(preprocessor_artifact, model_name)
        seen = preprocessor["feature_names_in"] if preprocessor else None
        described = describe(
            model,
            model_type=model_type,
            metrics=metrics,
            hyperparameters=hyperparameters,
            description=description,
            signature=signature,
            input_example=input_example,
            metadata=metadata,
            tags=tags,
            feature_names=seen if feature_names is None else feature_names,
            origin=origin,
        )
        return self.save(model, model_name, described, version=version, preprocessor=preprocessor)

    @abstractmethod
    def save(
        self,
        model: Any,
        model_name: str,
        description: Description,
        *,
        version: str | None = None,
        preprocessor: Mapping[str, Any] | None = None,
    ) -> Identifier:
        """Saves a model. `preprocessor`: as `registry.models.model_description` makes it."""

    @abstractmethod
    def save_fitted(
        self, fitted: Fitted, model_name: str, description: Description, version: str | None = None
    ) -> Identifier:
        """Saves a model that a cell has written, without unpickling it.

        Idempotent by `description.origin.evaluation_id`: the version saved from it before is returned.
        """

    @abstractmethod
    def load(self, identifier: Identifier) -> Loaded:
        """The model with everything saved with it. Each file is verified before it is unpickled.

        NotFoundError for a version that does not exist, TamperedError for a file that differs from the saved
        one.
        """

    @abstractmethod
    def copy_fitted(self, identifier: Identifier, folder: Path) -> tuple[ModelVersion, Fitted]:
        """Copies the pickles of a model and of its preprocessor into a folder, verified and not unpickled.

        They are named MODEL_COPY and PREPROCESSOR_COPY. A process that loads the copies verifies them again,
        by the digests that are returned. NotFoundError and TamperedError as for `load`; InvalidInputError
        where the model is kept in another form than a pickle. Of a damaged version nothing is copied.
        """

    @abstractmethod
    def get(self, identifier: Identifier) -> ModelVersion:
        """A version without its files. NotFoundError if it does not exist."""

    @abstractmethod
    def versions(
        self, wanted: VersionFilter = EVERY_VERSION, *, limit: int | None = None, offset: int = 0
    ) -> list[ModelVersion]:
        """The versions, newest first. The first `offset` ones are skipped; a limit of None means no limit."""

    @abstractmethod
    def delete_model(self, model_identifier: Identifier, *, force: bool = False) -> bool:
        """Deletes a version and its files. False if it does not exist.

        InvalidInputError if it is in Production, unless forced.
        """

    @abstractmethod
    def transition_model_stage(
        self,
        model_identifier: Identifier,
        stage: Stage | str,
        *,
        by: str | None = None,
        reason: str = "",
        evidence: Mapping[str, Any] | None = None,
        replacing: str | None = None,
    ) -> Promotion:
        """Changes the stage, without gates and hooks (`registry.models.promotion` adds them).

        None as `by` means the user's name. A move to Production archives the version that was there, in the
        same step. `replacing` makes that step a compare-and-swap: it is the version that must be in
        Production, or `NO_VERSION`; OvertakenError, and no change, if another one is there by then. None
        accepts any.
        """

    @abstractmethod
    def record(self, line: Promotion) -> None:
        """Adds an entry to the log that changes no stage, such as the results of hooks."""

    @abstractmethod
    def set_alias(self, model_name: str, alias: str, model_identifier: Identifier | None) -> None:
        """Makes the alias name this version; None removes the alias."""

    @abstractmethod
    def history(self, model_name: str | None = None, *, limit: int | None = None) -> list[Promotion]:
        """The log of stages, newest first."""

    def load_model(
        self,
        model_identifier: Identifier | None = None,
        *,
        model_id: Identifier | None = None,
        version: str | None = None,
        model_name: str | None = None,
    ) -> Any:
        """With a URI: a mapping of everything saved together (`bundle_of`), or an error.

        With an id, a version or `name/version`: the model, or None if it does not exist or fails
        verification; the log says which. `version` alone is enough while only one name has it.
        """
        if isinstance(model_identifier, str) and is_uri(model_identifier):
            return bundle_of(self.load(model_identifier))
        given = model_identifier if model_id is None else model_id
        try:
            wanted = self._identify(given, version, model_name)
            return self.load(wanted).model
        except (NotFoundError, TamperedError) as exc:
            log.warning("no model is loaded: %s", exc)
            return None

    def _identify(self, given: Identifier | None, version: str | None, model_name: str | None) -> Identifier:
        if given is not None:
            return given
        if version is None:
            raise InvalidInputError(
                "which model? Give its id, its version, or a URI such as models:/NAME/1.0.0"
            )
        if model_name is not None:
            return f"models:/{model_name}/{version}"
        found = self.versions(VersionFilter(version=version))
        if not found:
            raise NotFoundError(f"there is no model of version {version}")
        if len(found) > 1:
            names = ", ".join(sorted(known.name for known in found))
            raise InvalidInputError(
                f"version {version} is one of several names ({names}): give model_name, too"
            )
        return found[0].id

    def get_model_by_stage(self, model_name: str, stage: Stage | str) -> dict[str, Any]:
        """The same mapping as for a URI. NotFoundError when no version of the name is in the stage."""
        return bundle_of(self.load(f"models:/{model_name}/{Stage.parse(stage)}"))

    def verify(self, identifier: Identifier) -> None:
        """TamperedError if a file of the version is missing or differs from the saved one.

        Nothing is unpickled. A promotion asks this first.
        """
        self.get(identifier)
        # What is no pickle is not copied: a backend that keeps such things looks at them in its own way.
        with TemporaryDirectory() as folder, suppress(InvalidInputError):
            self.copy_fitted(identifier, Path(folder))

    def list_models(
        self,
        model_name: str | None = None,
        model_type: str | None = None,
        min_f1: float | None = None,
        tags: Mapping[str, str] | None = None,
        stage: Stage | str | None = None,
        **filters: Any,
    ) -> list[dict[str, Any]]:
        """The versions, newest first. `filters`: other fields of `VersionFilter`, `limit` and `offset`."""
        limit, offset = filters.pop("limit", None), filters.pop("offset", 0)
        least = {**(filters.pop("min_metrics", None) or {})}
        if min_f1 is not None:
            least["f1"] = min_f1
        wanted = VersionFilter(
            name=model_name,
            type=model_type,
            tags=tags or {},
            stage=None if stage is None else Stage.parse(stage),
            min_metrics=least,
            **filters,
        )
        return [version.to_row() for version in self.versions(wanted, limit=limit, offset=offset)]

    def get_best_model(
        self,
        metric: str = "f1",
        model_type: str | None = None,
        model_name: str | None = None,
        dataset_id: str | None = None,
    ) -> dict[str, Any] | None:
        """The row of the version with the best value: the least for errors and losses. NaN never wins."""
        found = self.best(metric, VersionFilter(type=model_type, name=model_name, dataset_id=dataset_id))
        return None if found is None else found.to_row()

    @abstractmethod
    def best(self, metric: str, wanted: VersionFilter = EVERY_VERSION) -> ModelVersion | None:
        """The version with the best value of the metric. Among equal ones, the newest.

        Of a custom metric, the newest version whose metadata say in which direction it is better
        (`greaterIsBetter`) decides that for all of them.
        """


_WHOLE_ID = 36  #: characters of an id; commands that look for runs take the first ones alone


def no_such_model(identifier: Identifier, is_known: Callable[[str], bool] = lambda _: False) -> NotFoundError:
    """`is_known`: whether the registry has a version of a name; then only the stage of the URI is empty."""
    uri = parse_uri(identifier) if isinstance(identifier, str) and is_uri(identifier) else None
    if uri is not None and uri.stage is not None and is_known(uri.name):
        stage = str(uri.stage)
        return NotFoundError(
            f"the registry has no model {identifier}: no version of {uri.name} is in {stage}; "
            f"`bakeoff registry promote models:/{uri.name}/latest --to {stage}` puts the newest there; "
            f"models:/{uri.name}/latest names it wherever it is"
        )
    if uri is not None and uri.run_id is not None and len(uri.run_id) < _WHOLE_ID:
        return NotFoundError(
            f"the registry has no model {identifier}: write the whole id of the run, as "
            f"`bakeoff show {uri.run_id}` prints it in its first line"
        )
    return NotFoundError(f"the registry has no model {identifier}: `bakeoff registry list` lists what it has")


def bundle_of(loaded: Loaded) -> dict[str, Any]:
    version = loaded.version
    return {
        "model": loaded.model,
        "preprocessor_artifact": loaded.preprocessor_artifact,
        "metadata": {
            **version.metadata,
            "params": dict(version.hyperparameters),
            "metrics": dict(version.metrics),
            "tags": dict(version.tags),
        },
        "run_id": version.origin.run_id,
        "signature": version.signature,
        "input_example": loaded.input_example,
        "version": version.to_row(),
    }
