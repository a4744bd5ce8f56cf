# ruff: noqa: T201 - a script that prints, no part of a package
"""What it takes to look into a registry of many model versions: a page, the best, the one in Production.

    python -m benchmarks.registry [versions]

Each side is a registry that has been filled; filling it is not measured.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import insert

from registry import BaseModelRegistry, ModelRegistry
from registry.naming import DATABASE
from store.engine import open_registry_database, writing
from store.registry_tables import model_metrics, model_tags, models

_NAMES = 100  #: so 100 versions of each when there are 10,000
_REPEATS = 200


def main(versions: int) -> None:
    for side, filled in _SIDES.items():
        with tempfile.TemporaryDirectory() as folder, filled(Path(folder), versions) as registry:
            print(f"{f'{side}, {versions:,} versions':40}{'median':>8}{'worst':>8}   ms")
            for what, act in _acts(registry).items():
                act()
                costs = [_timed(act) for _ in range(_REPEATS)]
                print(f"{what:40}{median(costs) * 1e3:8.2f}{max(costs) * 1e3:8.2f}")


def _acts(registry: BaseModelRegistry) -> Mapping[str, Callable[[], object]]:
    return {
        "a page of 20": lambda: registry.versions(limit=20),
        "a page of 20, behind 5,000 others": lambda: registry.versions(limit=20, offset=5_000),
        "a page of 20 of a name": lambda: registry.versions("model-7", limit=20),
        "a page of 20 with a tag": lambda: registry.versions(tags={"team": "team-1"}, limit=20),
        "a page of 20 with f1 at least 0.9": lambda: registry.versions(min_metrics={"f1": 0.9}, limit=20),
        "the best f1": lambda: registry.best("f1"),
        "the best f1 of a name": lambda: registry.best("f1", model_name="model-7"),
        "the least rmse on a snapshot": lambda: registry.best("rmse", dataset_id="dataset-7"),
        "the one in Production": lambda: registry.get("models:/model-7/Production"),
    }


def _timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


@contextmanager
def _embedded(folder: Path, versions: int) -> Iterator[BaseModelRegistry]:
    """With rows and without files, which nobody reads here."""
    registry = ModelRegistry(folder)
    rows = [_row(number) for number in range(1, versions + 1)]
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


def _row(number: int) -> dict[str, Any]:
    """The last version of each name but one is in Production."""
    name, serial = number % _NAMES, 1 + (number - 1) // _NAMES
    return {
        "model_id": number,
        "model_name": f"model-{name}",
        "model_type": f"Type{number % 10}",
        "version": f"1.0.{serial - 1}",
        "serial": serial,
        "stage": "Production" if serial == _NAMES - 1 else "Archived",
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


#: MLflow stands beside it where the extra is installed.
_SIDES: Mapping[str, Callable[[Path, int], Any]] = {"embedded": _embedded}

if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10_000)
