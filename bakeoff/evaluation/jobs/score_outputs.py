"""Scoring what a cell left, read with suspicion: strangers wrote it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.job import Job
from bakeoff.domain.run import Run
from bakeoff.evaluation.datasets import snapshot
from bakeoff.evaluation.jobs.job_paths import JobPaths
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from registry.columns.predictions import Predictions


class ForgedReportError(Exception):
    """The cell said something that our own code in it never says."""


def scores_of(job: Job, run: Run, places: JobPaths) -> Scores:
    return score(
        snapshot.sealed_labels(places.snapshot),
        _predictions(job, places),
        rules=run.rules,
        target_kind=run.dataset.target_kind,
        classes=snapshot.classes(places.snapshot),
    )


def _predictions(job: Job, places: JobPaths) -> Predictions:
    return Predictions(
        values=_load(places.predictions),
        output_kind=job.candidate.output_kind,
        probabilities=_load(places.probabilities) if places.probabilities.exists() else None,
    )


def _load(file: Path) -> NDArray[Any]:
    """Mapped, so that what claims to be large takes no memory before its shape has been looked at."""
    try:
        loaded: NDArray[Any] = np.lib.format.open_memmap(file, mode="r")
    except Exception as exc:  # strangers wrote it, and numpy's reader raises whatever it stumbles over
        raise ForgedReportError(f"the predictions cannot be read: {type(exc).__name__}: {exc}") from exc
    if not loaded.ndim:
        raise ForgedReportError("the predictions are a single value")
    return loaded
