# ruff: noqa: T201 - a script that prints, no part of a package
"""What it takes to look into a registry of many model versions: a page, the best, the one in Production.

    python -m benchmarks.parts.many_versions [versions]

Each side is a registry that has been filled; filling it is not measured.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import insert

from bakeoff.domain.model_version import Promotion, Stage, VersionFilter, VersionOrigin
from bakeoff.store.database.engine_and_transactions import open_registry_database, writing
from bakeoff.store.database.registry_tables import model_metrics, model_tags, models
from registry import BaseModelRegistry, MLflowModelRegistry, ModelRegistry
from registry.models.local.artefact_files import DATABASE
from registry.models.mlflow.ledger_of_versions_and_stages import Ledgers
from registry.models.mlflow.mlflow_calls import MLflowServer
from registry.models.mlflow.stage_log import LogEntry, to_json
from registry.models.mlflow.version_tags import Record, to_tags
from registry.models.model_description import Description

_NAMES = 100  #: so 100 versions of each when there are 10,000
_REPEATS, _LONGEST_S = 200, 5


def main(versions: int) -> None:
    for side, filled in _SIDES.items():
        with tempfile.TemporaryDirectory() as folder, filled(Path(folder), versions) as registry:
            print(f"{f'{side}, {versions:,} versions':40}{'median':>8}{'worst':>8}   ms")
            for what, act in _acts(registry).items():
                act()
                costs = list(_costs(act))
                print(f"{what:40}{median(costs) * 1e3:8.2f}{max(costs) * 1e3:8.2f}")


def _acts(registry: BaseModelRegistry) -> Mapping[str, Callable[[], object]]:
    return {
        "a page of 20": lambda: registry.versions(limit=20),
        "a page of 20, behind 5,000 others": lambda: registry.versions(limit=20, offset=5_000),
        "a page of 20 of a name": lambda: registry.versions(VersionFilter(name="model-7"), limit=20),
        "a page of 20 with a tag": lambda: registry.versions(
            VersionFilter(tags={"team": "team-1"}), limit=20
        ),
        "a page of 20 with f1 at least 0.9": lambda: registry.versions(
            VersionFilter(min_metrics={"f1": 0.9}), limit=20
        ),
        "the best f1": lambda: registry.best("f1"),
        "the best f1 of a name": lambda: registry.best("f1", VersionFilter(name="model-7")),
        "the least rmse on a snapshot": lambda: registry.best("rmse", VersionFilter(dataset_id="dataset-7")),
        "the one in Production": lambda: registry.get("models:/model-7/Production"),
    }


def _costs(act: Callable[[], object]) -> Iterator[float]:
    until = perf_counter() + _LONGEST_S
    for _ in range(_REPEATS):
        yield _timed(act)
        if perf_counter() > until:
            return


def _timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


@contextmanager
def _embedded(folder: Path, versions: int) -> Iterator[BaseModelRegistry]:
    """With rows and without files, which nobody reads here."""
    registry = ModelRegistry(folder)
    rows = [_row(number, versions) for number in range(1, versions + 1)]
    metrics = [
        {"model_id": row["model_id"], "metric": metric, "value": value}
        for row in rows
        for metric, value in row["metrics"].items()
    ]
    tags = [{"model_id": row["model_id"], "key": "team", "value": row["tags"]["team"]} for row in rows]
    engine = open_registry_database(folder.resolve() / DATABASE)
    with writing(engine) as connection:
        for table, content in ((models, rows), (model_metrics, metrics), (model_tags, tags)):
            connection.execute(insert(table), content)
    yield registry
    engine.dispose()


def _row(number: int, versions: int) -> dict[str, Any]:
    """The last version of each name but one is in Production."""
    name, serial = number % _NAMES, 1 + (number - 1) // _NAMES
    return {
        "model_id": number,
        "model_name": f"model-{name}",
        "model_type": f"Type{number % 10}",
        "version": f"1.0.{serial - 1}",
        "serial": serial,
        "stage": "Production" if serial == max(1, versions // _NAMES - 1) else "Archived",
        "metrics": {"f1": (number * 7919 % 9973) / 9973, "rmse": (number * 6271 % 9949) / 99, "recall": 0.5},
        "hyperparameters": {"depth": number % 7, "rate": 0.1},
        "tags": {"team": f"team-{number % 20}"},
        "metadata": {},
        "created_at": "2026-01-01T00:00:00.000Z",
        "file_path": f"/models/model-{name}/Type{number % 10}_1_0_{serial - 1}.pkl",
        "digest": f"{number:064}",
        "size_bytes": 1_000,
        "libraries": {"python": "3.11.7", "scikit-learn": "1.9.1"},
        "dataset_id": f"dataset-{number % 50}",
    }


@contextmanager
def _on_mlflow(folder: Path, versions: int) -> Iterator[BaseModelRegistry]:
    """With what MLflow's client would have written, and without files."""
    uri = f"sqlite:///{folder}/mlflow.db"
    rows = [_row(number, versions) for number in range(1, versions + 1)]
    opened = Ledgers(MLflowServer(uri, None))
    ledgers = {name: opened.open(name).ledger_id for name in dict.fromkeys(row["model_name"] for row in rows)}
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.executemany(
            "INSERT INTO registered_models (name, creation_time) VALUES (?, 0)", [(name,) for name in ledgers]
        )
        for row in rows:
            _insert(database, row, ledgers[row["model_name"]])
        database.commit()
    yield MLflowModelRegistry(uri)


def _insert(database: sqlite3.Connection, row: Mapping[str, Any], ledger_id: str) -> None:
    said = Description(
        type=row["model_type"],
        metrics=row["metrics"],
        hyperparameters=row["hyperparameters"],
        tags=row["tags"],
        libraries=row["libraries"],
        origin=VersionOrigin(dataset_id=row["dataset_id"]),
    )
    record = Record(
        said={key: value for key, value in asdict(said).items() if key != "input_example"},
        model="model.pkl",
        size_bytes=row["size_bytes"],
        digests={"model.pkl": row["digest"]},
        logged_model_id=f"m-{row['model_id']}",
    )
    where = (row["model_name"], row["serial"])
    database.execute(
        "INSERT INTO model_versions (name, version, creation_time, current_stage, source, status) "
        "VALUES (?, ?, ?, 'None', ?, 'READY')",
        (*where, row["model_id"], f"/models/m-{row['model_id']}/artifacts"),
    )
    database.executemany(
        "INSERT INTO model_version_tags (name, version, key, value) VALUES (?, ?, ?, ?)",
        [(*where, *tag) for tag in to_tags(record, version=row["version"], save_id=row["digest"]).items()],
    )
    entries = [(f"version.{row['version']}", "{}")]
    if row["stage"] == "Production":
        entries.append(("line.00000001", json.dumps(_promoted(row))))
    database.executemany(
        "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)",
        [(ledger_id, *entry) for entry in entries],
    )


def _promoted(row: Mapping[str, Any]) -> Mapping[str, Any]:
    line = Promotion(
        model_name=row["model_name"],
        version=row["version"],
        from_stage=Stage.DEVELOPMENT,
        to_stage=Stage.PRODUCTION,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        by="me",
    )
    return to_json(LogEntry(promotion=line, moves=True))


_SIDES: Mapping[str, Callable[[Path, int], Any]] = {"embedded": _embedded, "MLflow with SQLite": _on_mlflow}

if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10_000)
