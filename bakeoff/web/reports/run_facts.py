"""Facts about a run in a few words, from its record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def dataset_facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Value and word: the dataset, its rows, the seed, how many candidates."""
    jobs = run["jobs"]
    candidates = sum(jobs.values())
    return [
        (run["datasetName"], str(run["targetKind"])),
        *_rows(run),
        (str(run["columns"]), "feature" if run["columns"] == 1 else "features"),
        (str(run["seed"]), "seed"),
        (str(candidates), "candidate" if candidates == 1 else "candidates"),
    ]


def _rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """In folds every row is trained on and tested, though not at once: two numbers would count it twice."""
    design = run["design"]
    if design["folds"] > 1 or design["foldColumn"] is not None:
        return [(f"{run['testRows']:,}", "rows in folds")]
    return [(f"{run['trainRows']:,}", "train"), (f"{run['testRows']:,}", "test")]


def seconds_between(begin: str | None, end: str | None) -> float | None:
    if begin is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
