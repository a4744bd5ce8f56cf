"""The embedded registry: a folder with files and an SQLite database, for one machine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InvalidInputError, NotFoundError, TamperedError
from bakeoff.domain.ids_and_times import user_name
from bakeoff.domain.metric_names_and_scoring_rules import greater_is_better, is_custom
from bakeoff.domain.model_version import (
    EVERY_VERSION,
    ModelUri,
    ModelVersion,
    Promotion,
    Stage,
    VersionFilter,
    VersionNumber,
    check_alias,
    check_name,
    parse_uri,
)
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import open_registry_database
from bakeoff.store.models import version_rows, version_stages
from registry.columns.input_example import example_from_json
from registry.models.local import artefact_files
from registry.models.local.artefact_files import (
    DATABASE,
    Artefacts,
    Written,
    file_of,
    folder_of,
    preprocessor_beside,
)
from registry.models.registry_interface import (
    MODEL_COPY,
    PREPROCESSOR_COPY,
    BaseModelRegistry,
    Description,
    Fitted,
    Identifier,
    Loaded,
    no_such_model,
)
from registry.models.unpickle_with_version_warning import unpickle

DEFAULT_PATH = "data/models/registry"
_GREATEST_ID = 2**63 - 1  #: the greatest integer of SQLite


def _of_project() -> Path:
    from bakeoff.settings.configuration import load

    configuration = load()
    configuration.require_project()
    here = Path(DEFAULT_PATH)
    return here if here.resolve() == configuration.registry_path else configuration.registry_path


class ModelRegistry(BaseModelRegistry):
    """A save writes the files first and the row last: a process killed in between leaves files without a row.

    `leftovers` finds them. A deletion removes the row first.
    """

    def __init__(self, storage_path: str | Path = DEFAULT_PATH) -> None:
        """The default is the registry of the project that the current folder is in; NotFoundError if none."""
        self.storage_path = _of_project() if str(storage_path) == DEFAULT_PATH else Path(storage_path)
        root = self.storage_path.resolve()
        self._artefacts = Artefacts(root)
        self._engine = open_registry_database(root / DATABASE)
        if not (root / DATABASE).exists():
            self._engine.dispose()  # the process may have connections to an earlier file that was removed
        schema_version.ensure(self._engine, schema_version.Branch.REGISTRY)

    def save(
        self,
        model: Any,
        model_name: str,
        description: Description,
        *,
        version: str | None = None,
        preprocessor: Mapping[str, Any] | None = None,
    ) -> int:
        _check(model_name, version)
        with self._artefacts.writing() as folder:
            written = artefact_files.dump(model, folder / "model")
            beside = (
                None if preprocessor is None else artefact_files.dump(preprocessor, folder / "preprocessor")
            )
            return self._register(written, beside, model_name, description, version)

    def save_fitted(
        self, fitted: Fitted, model_name: str, description: Description, version: str | None = None
    ) -> int:
        _check(model_name, version)
        with self._artefacts.writing() as folder:
            written = artefact_files.adopt(fitted.model, fitted.model_digest, folder / "model")
            beside = None
            if fitted.preprocessor is not None:
                beside = artefact_files.adopt(
                    fitted.preprocessor, str(fitted.preprocessor_digest), folder / "preprocessor"
                )
            return self._register(written, beside, model_name, description, version)

    def _register(
        self, model: Written, beside: Written | None, name: str, described: Description, number: str | None
    ) -> int:
        columns = {
            "model_name": name,
            "digest": model.digest,
            "size_bytes": model.size_bytes,
            "preprocessor_digest": None if beside is None else beside.digest,
            **_columns(described),
        }
        wanted = None if number is None else VersionNumber.parse(number)
        # The files are put in place inside the transaction: the name of the file holds the number, which
        # no other process can take before the row is there, and a listed version always has its files.
        with version_rows.adding(self._engine) as writer:
            saved_before = writer.id_of_evaluation(described.origin.evaluation_id)
            if saved_before is not None:
                return saved_before
            taken = writer.take_number(name, wanted)
            place = self._artefacts.place(
                model, beside, folder_of(name), file_of(described.type, taken.number)
            )
            return writer.add(columns, taken, str(place))

    def load(self, identifier: Identifier) -> Loaded:
        found = self._find(identifier)
        try:
            return self._loaded(found)
        except TamperedError:
            if version_rows.find(self._engine, int(found.version.id)) is None:
                return self.load(identifier)  # deleted meanwhile: the identifier may name another version now
            raise

    def _loaded(self, found: version_rows.Stored) -> Loaded:
        version = found.version
        file = Path(version.file_path)
        model = artefact_files.read(file, version.digest)
        artifact = None
        if found.preprocessor_digest is not None:
            beside = artefact_files.read(file.parent / preprocessor_beside(file), found.preprocessor_digest)
            artifact = unpickle(beside, f"the preprocessor of {version.uri}", version.libraries)
        example = found.input_example
        return Loaded(
            version=version,
            model=unpickle(model, version.uri, version.libraries),
            preprocessor_artifact=artifact,
            input_example=None if example is None else example_from_json(example),
        )

    def copy_fitted(self, identifier: Identifier, folder: Path) -> tuple[ModelVersion, Fitted]:
        found = self._find(identifier)
        file, version = Path(found.version.file_path), found.version
        model = artefact_files.read(file, version.digest)
        beside = None
        if found.preprocessor_digest is not None:
            beside = artefact_files.read(file.parent / preprocessor_beside(file), found.preprocessor_digest)
            (folder / PREPROCESSOR_COPY).write_bytes(beside)
        (folder / MODEL_COPY).write_bytes(model)
        return version, Fitted(
            model=folder / MODEL_COPY,
            model_digest=version.digest,
            preprocessor=None if beside is None else folder / PREPROCESSOR_COPY,
            preprocessor_digest=found.preprocessor_digest,
        )

    def verify(self, identifier: Identifier) -> None:
        found = self._find(identifier)
        file = Path(found.version.file_path)
        artefact_files.verify(file, found.version.digest)
        if found.preprocessor_digest is not None:
            artefact_files.verify(file.parent / preprocessor_beside(file), found.preprocessor_digest)

    def leftovers(self) -> list[Path]:
        """Files without a row, left by processes that were killed while they saved or deleted."""
        with self._found_leftovers() as found:
            return found

    def remove_leftovers(self) -> list[Path]:
        with self._found_leftovers() as found:
            self._artefacts.discard(found)
            return found

    @contextmanager
    def _found_leftovers(self) -> Iterator[list[Path]]:
        """Called in a write transaction: otherwise files of a save in progress would look like leftovers."""
        with version_rows.files_while_locked(self._engine) as rows:
            files = [(self._artefacts.located(recorded), has_more) for recorded, has_more in rows]
            beside = {file.parent / preprocessor_beside(file) for file, has_more in files if has_more}
            with self._artefacts.leftovers({file for file, _ in files} | beside) as found:
                yield found

    def get(self, identifier: Identifier) -> ModelVersion:
        return self._find(identifier).version

    def _find(self, identifier: Identifier) -> version_rows.Stored:
        wanted = _meant(identifier)
        is_beyond = isinstance(wanted, int) and abs(wanted) > _GREATEST_ID
        found = None if is_beyond else version_rows.find(self._engine, wanted)
        if found is None:
            raise no_such_model(
                identifier, lambda name: bool(self.versions(VersionFilter(name=name), limit=1))
            )
        return replace(found, version=self._located(found.version))

    def _located(self, version: ModelVersion) -> ModelVersion:
        return replace(version, file_path=str(self._artefacts.located(version.file_path)))

    def versions(
        self, wanted: VersionFilter = EVERY_VERSION, *, limit: int | None = None, offset: int = 0
    ) -> list[ModelVersion]:
        found = version_rows.page(self._engine, wanted, limit=limit, offset=offset)
        return [self._located(version) for version in found]

    def best(self, metric: str, wanted: VersionFilter = EVERY_VERSION) -> ModelVersion | None:
        declared = version_rows.declared_directions(self._engine, metric, wanted) if is_custom(metric) else {}
        is_better = greater_is_better(metric, declared)
        found = version_rows.best(self._engine, metric, wanted, greater_is_better=is_better)
        return None if found is None else self._located(found)

    def delete_model(self, model_identifier: Identifier, *, force: bool = False) -> bool:
        try:
            found = self.get(model_identifier)
        except NotFoundError:
            return False
        removed = version_rows.remove(self._engine, int(found.id), force=force)
        self._artefacts.remove(Path(found.file_path))
        return removed

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
        to = Stage.parse(stage)
        found = self.get(model_identifier)
        line = version_stages.move(
            self._engine,
            int(found.id),
            to,
            by=by or user_name(),
            reason=reason,
            evidence=evidence or {},
            replacing=replacing,
        )
        if line is None:
            raise no_such_model(model_identifier)
        return line

    def record(self, line: Promotion) -> None:
        version_stages.add(self._engine, line)

    def set_alias(self, model_name: str, alias: str, model_identifier: Identifier | None) -> None:
        found = None if model_identifier is None else self.get(model_identifier)
        if found is not None and found.name != model_name:
            raise InvalidInputError(f"{found.uri} is no version of {model_name}: it cannot have its alias")
        version_rows.set_alias(
            self._engine, model_name, check_alias(alias), None if found is None else int(found.id)
        )

    def history(self, model_name: str | None = None, *, limit: int | None = None) -> list[Promotion]:
        return version_stages.history(self._engine, model_name, limit=limit)


def _check(model_name: str, version: str | None) -> None:
    """Refuses a name or a number that cannot be, before anything is written."""
    check_name(model_name)
    if version is not None:
        VersionNumber.parse(version)


def _meant(identifier: Identifier) -> int | ModelUri:
    if not isinstance(identifier, str):
        return int(identifier)  # also numpy's integers, which a column of a DataFrame has
    is_number = identifier.isdecimal() and identifier.isascii()
    return int(identifier) if is_number else parse_uri(identifier)


def _columns(described: Description) -> dict[str, Any]:
    names = described.feature_names
    return {
        "model_type": described.type,
        "metrics": dict(described.metrics),
        "hyperparameters": dict(described.hyperparameters),
        "tags": dict(described.tags),
        "metadata": dict(described.metadata),
        "description": described.description,
        "libraries": dict(described.libraries),
        "signature": described.signature,
        "input_example": described.input_example,
        "feature_names": None if names is None else list(names),
        **asdict(described.origin),
    }
