"""What is known of a version, as tags of MLflow's model version, which are written together with it.

bakeoff.version, .type, .digest, .run, .dataset, …    for searches in MLflow
bakeoff.stage                                         for display; only `stage_log` decides
bakeoff.record.0, .1, …                               everything as JSON, in pieces of a bounded length
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff.domain.model_version import ModelVersion, Stage, VersionOrigin
from registry.models.mlflow import choose_mlflow_flavor, version_folder
from registry.models.mlflow.bakeoff_model import PREPROCESSOR
from registry.models.mlflow.mlflow_calls import from_mlflow, is_key
from registry.models.mlflow.mlflow_client_types import MLflowVersion
from registry.models.mlflow.upload_version import Upload
from registry.models.registry_interface import Description

VERSION, SAVE, STAGE, EVALUATION = "bakeoff.version", "bakeoff.save", "bakeoff.stage", "bakeoff.evaluation"
TYPE, DATASET, RUN, CANDIDATE = "bakeoff.type", "bakeoff.dataset", "bakeoff.run", "bakeoff.candidate"
_RECORD = "bakeoff.record."
_OURS = ("bakeoff.", "mlflow.")
_LONGEST = 50_000


@dataclass(frozen=True, kw_only=True)
class Record:
    """What MLflow has no field for, or keeps less exactly."""

    said: Mapping[str, Any]  #: the fields of a `Description` but its example; the stored JSON has this key
    model: str  #: path of the model in the folder
    size_bytes: int
    digests: Mapping[str, str]  #: SHA-256 by path in the folder: what must be there, and be the same
    logged_model_id: str  #: MLflow's, which owns the folder

    @property
    def digest(self) -> str:
        return self.digests[self.model]


def record_of(folder: Path, described: Description, logged_model_id: str) -> Record:
    model = choose_mlflow_flavor.model_file(folder)
    return Record(
        said={key: value for key, value in asdict(described).items() if key != "input_example"},
        model=model,
        size_bytes=(folder / model).stat().st_size,
        digests=version_folder.digests(folder),
        logged_model_id=logged_model_id,
    )


def to_tags(record: Record, *, version: str, save_id: str) -> dict[str, str]:
    described, origin = record.said, record.said["origin"]
    tags = {
        VERSION: version,
        SAVE: save_id,
        STAGE: str(Stage.DEVELOPMENT),
        TYPE: described["type"],
        "bakeoff.digest": record.digest,
        "bakeoff.libraries": " ".join(f"{name}=={number}" for name, number in described["libraries"].items()),
        RUN: origin["run_id"],
        EVALUATION: origin["evaluation_id"],
        CANDIDATE: origin["candidate_id"],
        DATASET: origin["dataset_id"],
        "bakeoff.split": origin["split_id"],
    }
    return {
        **_own_tags(described["tags"]),
        **{key: value for key, value in tags.items() if value},
        **_pieces(record),
    }


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The user's tags whose names MLflow allows; the record keeps the others too."""
    return {key: value for key, value in tags.items() if is_key(key) and not key.startswith(_OURS)}


def _pieces(record: Record) -> dict[str, str]:
    text = json.dumps(asdict(record))
    starts = range(0, len(text), _LONGEST)
    return {f"{_RECORD}{place}": text[start : start + _LONGEST] for place, start in enumerate(starts)}


def read_record(tags: Mapping[str, str]) -> Record:
    pieces = {int(key.removeprefix(_RECORD)): text for key, text in tags.items() if key.startswith(_RECORD)}
    return Record(**json.loads("".join(pieces[place] for place in sorted(pieces))))


def upload_of(found: MLflowVersion) -> Upload:
    """What MLflow keeps for this version besides the version itself."""
    record = read_record(found.tags)
    return Upload(run_id=found.run_id, logged_model_id=record.logged_model_id, location=found.source)


def to_version(found: MLflowVersion) -> ModelVersion:
    """The version, without stage and aliases, which `find_versions.StagesAndAliases` adds."""
    record, name = read_record(found.tags), from_mlflow(found.name)
    fields = dict(record.said)
    names = fields.pop("feature_names")
    return ModelVersion(
        id=f"models:/{name}/{found.version}",
        name=name,
        version=found.tags[VERSION],
        serial=int(found.version),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        file_path=f"{found.source}/{record.model}",
        digest=record.digest,
        size_bytes=record.size_bytes,
        feature_names=None if names is None else tuple(names),
        has_preprocessor=PREPROCESSOR in record.digests,
        has_input_example=version_folder.EXAMPLE in record.digests,
        origin=VersionOrigin(**fields.pop("origin")),
        tags={**fields.pop("tags"), **_tags_of_others(found.tags)},
        **fields,
    )


def _tags_of_others(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that others have set, as they are now: people change tags in MLflow."""
    return {key: value for key, value in tags.items() if not key.startswith(_OURS)}
