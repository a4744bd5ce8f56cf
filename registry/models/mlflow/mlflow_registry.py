"""The registry of trained models in MLflow, a database or a server, for any number of machines."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InvalidInputError, NotFoundError, TamperedError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.metric_names_and_scoring_rules import directions_of, greater_is_better
from bakeoff.domain.model_version import (
    EVERY_VERSION,
    ModelVersion,
    Promotion,
    Stage,
    VersionFilter,
    VersionNumber,
    check_alias,
    check_name,
)
from registry.models.mlflow import stage_transitions, upload_version, version_folder, version_tags
from registry.models.mlflow.bakeoff_model import MODEL, PREPROCESSOR
from registry.models.mlflow.find_versions import SHOWN, Finder, StagesAndAliases
from registry.models.mlflow.ledger_of_versions_and_stages import Ledgers
from registry.models.mlflow.mlflow_calls import MLflowServer, NotThereError, from_mlflow, to_mlflow
from registry.models.mlflow.mlflow_client_types import MLflowVersion
from registry.models.mlflow.stage_log import StageLog
from registry.models.mlflow.version_tags import DATASET, RUN, TYPE, VERSION, to_version
from registry.models.registry_interface import (
    MODEL_COPY,
    PREPROCESSOR_COPY,
    BaseModelRegistry,
    Description,
    Fitted,
    Identifier,
    Loaded,
)

log = logging.getLogger(__name__)


class MLflowModelRegistry(BaseModelRegistry):
    """See docs/operating/mlflow.md for what is kept where, and what MLflow cannot promise."""

    def __init__(self, tracking_uri: str, registry_uri: str | None = None) -> None:
        self._server = MLflowServer(tracking_uri, registry_uri)
        self._ledgers = Ledgers(self._server)
        self._log = StageLog(self._ledgers)
        self._finder = Finder(self._server, self._log)

    def save(
        self,
        model: Any,
        model_name: str,
        description: Description,
        *,
        version: str | None = None,
        preprocessor: Mapping[str, Any] | None = None,
    ) -> str:
        self._check(model_name, version)
        with _scratch() as place:
            version_folder.write(place, model, description, preprocessor)
            return self._upload(place, model_name, description, version)

    def save_fitted(
        self, fitted: Fitted, model_name: str, description: Description, version: str | None = None
    ) -> str:
        self._check(model_name, None)
        evaluation = description.origin.evaluation_id
        unique_tags = None if evaluation is None else {version_tags.EVALUATION: evaluation}
        if unique_tags is not None and (known := list(self._finder.search(None, unique_tags))):
            return _id_of(min(known, key=_number_of))  # later ones are about to be removed by who made them
        self._check(model_name, version)
        with _scratch() as place:
            version_folder.write_fitted(place, fitted, description)
            return self._upload(place, model_name, description, version, unique_tags)

    def _check(self, name: str, number: str | None) -> None:
        """Refuses a name or a number that cannot be, before anything is written."""
        check_name(name)
        if number is not None:
            VersionNumber.parse(number)
            upload_version.refuse_used(name, number, upload_version.used_numbers(self._ledgers.read(name)))

    def _upload(
        self,
        folder: Path,
        name: str,
        description: Description,
        number: str | None,
        unique_tags: Mapping[str, str] | None = None,
    ) -> str:
        """The id of the new version. At most one version is left with `unique_tags`, if they are given."""
        location, save_id = self._ledgers.open(name), new_id()
        upload = upload_version.begin(self._server, location.experiment_id, name, description)
        try:
            upload_version.send_files(self._server, upload, folder)
            version = upload_version.take_number(self._server, location.ledger_id, name, number, save_id)
        except BaseException:
            upload_version.discard(self._server, upload)
            raise
        record = version_tags.record_of(folder, description, upload.logged_model_id)
        tags = version_tags.to_tags(record, version=version, save_id=save_id)
        created = upload_version.create_version(self._server, name, upload, tags, description.description)
        return self._first_of_equals(created, name, unique_tags or {version_tags.SAVE: save_id})

    def _first_of_equals(self, created: MLflowVersion, name: str, unique_tags: Mapping[str, str]) -> str:
        """The id of the version that stays, where several were created with the same unique tags.

        MLflow does not refuse the second one, and a request may be repeated although it succeeded. So the
        version with the lowest of MLflow's numbers stays, and ours is removed if it came later. Every process
        decides for the same one.
        """
        first = min([created, *self._finder.search(name, unique_tags)], key=_number_of)
        if _number_of(first) != _number_of(created):
            self._remove(created, files=created.source != first.source)
        return _id_of(first)

    def load(self, identifier: Identifier) -> Loaded:
        found = self._finder.find(identifier)
        try:
            return self._loaded(found)
        except TamperedError:
            self._finder.find(identifier)  # NotFoundError if it was deleted meanwhile
            raise

    def _loaded(self, found: MLflowVersion) -> Loaded:
        version, record = self._described(found), version_tags.read_record(found.tags)
        with self._verified(found, version, record) as place:
            return version_folder.load(place, version)

    @contextmanager
    def _verified(
        self, found: MLflowVersion, version: ModelVersion, record: version_tags.Record
    ) -> Iterator[Path]:
        """A folder with the files of the version, each of which has the recorded digest."""
        with _scratch() as place:
            place.mkdir()
            self._server.download(found.source, place)
            version_folder.verify(place, record.digests, version.uri)
            yield place

    def copy_fitted(self, identifier: Identifier, folder: Path) -> tuple[ModelVersion, Fitted]:
        found = self._finder.find(identifier)
        version, record = self._described(found), version_tags.read_record(found.tags)
        with self._verified(found, version, record) as place:
            if record.model != MODEL:
                raise InvalidInputError(
                    f"{version.uri} is kept as {record.model}, in a format of its library: save it from a "
                    "run, or by `bakeoff signals train`, and it is a pickle"
                )
            shutil.copyfile(place / MODEL, folder / MODEL_COPY)
            beside = record.digests.get(PREPROCESSOR)
            if beside is not None:
                shutil.copyfile(place / PREPROCESSOR, folder / PREPROCESSOR_COPY)
        return version, Fitted(
            model=folder / MODEL_COPY,
            model_digest=record.digests[MODEL],
            preprocessor=None if beside is None else folder / PREPROCESSOR_COPY,
            preprocessor_digest=beside,
        )

    def verify(self, identifier: Identifier) -> None:
        found = self._finder.find(identifier)
        with self._verified(found, self._described(found), version_tags.read_record(found.tags)):
            pass

    def get(self, identifier: Identifier) -> ModelVersion:
        return self._described(self._finder.find(identifier))

    def _described(self, found: MLflowVersion) -> ModelVersion:
        return self._finder.now([to_version(found)])[0]

    def versions(
        self, wanted: VersionFilter = EVERY_VERSION, *, limit: int | None = None, offset: int = 0
    ) -> list[ModelVersion]:
        page = islice(self._matching(wanted), offset, None if limit is None else offset + limit)
        return self._finder.now(list(page))

    def _matching(self, wanted: VersionFilter) -> Iterator[ModelVersion]:
        """Newest first. MLflow searches by the tags that we set; the other conditions are checked here."""
        tags = {VERSION: wanted.version, TYPE: wanted.type, DATASET: wanted.dataset_id, RUN: wanted.run_id}
        found: Iterator[ModelVersion] = map(to_version, self._finder.search(wanted.name, tags))
        if wanted.stage is not None:
            name = wanted.name
            standings = self._finder.standings() if name is None else {name: self._finder.standing(name)}
            found = (standings.get(one.name, StagesAndAliases()).of(one) for one in found)
        return filter(wanted.matches, found)

    def best(self, metric: str, wanted: VersionFilter = EVERY_VERSION) -> ModelVersion | None:
        valued = [
            (value, one) for one in self._matching(wanted) if (value := one.metrics.get(metric)) is not None
        ]
        # Older versions have no directions: the newest that has them is asked, and not the newest of all.
        declared = (directions_of(one.metadata) for _, one in valued)
        directions = next((one for one in declared if metric in one), None)
        sign = 1 if greater_is_better(metric, directions) else -1
        best = max(valued, key=lambda pair: sign * pair[0], default=None)
        return None if best is None else self._finder.now([best[1]])[0]

    def delete_model(self, model_identifier: Identifier, *, force: bool = False) -> bool:
        try:
            found = self._finder.find(model_identifier)
        except NotFoundError:
            return False
        version = self._described(found)
        if version.stage is Stage.PRODUCTION and not force:
            raise InvalidInputError(
                f"{version.uri} is in Production: archive it first, or give force=True (--force)"
            )
        return self._remove(found, files=True)

    def _remove(self, found: MLflowVersion, *, files: bool) -> bool:
        """Removes the version before its files, so that a listed version always has its files."""
        try:
            self._server.call(lambda client: client.delete_model_version(found.name, str(found.version)))
        except NotThereError:
            return False
        if files:
            upload_version.discard(self._server, version_tags.upload_of(found))
        return True

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
        line = stage_transitions.move(
            self._finder,
            self.get(model_identifier),
            to,
            by=by,
            reason=reason,
            evidence=evidence,
            replacing=replacing,
        )
        stage_transitions.show(self._finder, line)
        return line

    def record(self, line: Promotion) -> None:
        stage_transitions.note(self._finder, line)

    def set_alias(self, model_name: str, alias: str, model_identifier: Identifier | None) -> None:
        if check_alias(alias) == SHOWN:
            raise InvalidInputError(
                f"the alias {SHOWN} shows which version is in Production: move the version to Production"
            )
        if model_identifier is None:
            self._remove_alias(model_name, alias)
            return
        found = self._finder.find(model_identifier)
        if from_mlflow(found.name) != model_name:
            raise InvalidInputError(
                f"{model_identifier} is no version of {model_name}: it cannot have its alias"
            )
        self._server.call(
            lambda client: client.set_registered_model_alias(found.name, alias, str(found.version))
        )

    def _remove_alias(self, name: str, alias: str) -> None:
        try:
            self._server.call(lambda client: client.delete_registered_model_alias(to_mlflow(name), alias))
        except NotThereError:
            log.debug("there is no such alias", extra={"model_name": name})

    def history(self, model_name: str | None = None, *, limit: int | None = None) -> list[Promotion]:
        if model_name is None:
            found = [
                entry.promotion for entries in self._log.all_entries().values() for entry in reversed(entries)
            ]
            found.sort(key=lambda line: line.at, reverse=True)
        else:
            found = [entry.promotion for entry in reversed(self._log.entries(model_name))]
        return found[:limit]


@contextmanager
def _scratch() -> Iterator[Path]:
    """A path at which a folder can be created, inside a folder that only this user can read."""
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch:
        yield Path(scratch) / "model"


def _number_of(found: MLflowVersion) -> int:
    return int(found.version)


def _id_of(found: MLflowVersion) -> str:
    return f"models:/{from_mlflow(found.name)}/{found.version}"
