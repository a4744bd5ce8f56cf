"""Warms the oven with a whole evaluation of tiny data, once and in the oven itself, before it forks cells.

Whatever is imported, looked up and cached at the first evaluation in a process is then in the memory of each
cell, and a cell writes to fewer of the pages that it shares with the others: each such page is copied first,
which takes the kernel longer than most of what a short job computes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bakeoff.cell.inside.cell_api import without_cell
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.datasets.snapshot_frame_files import write_array, write_text
from bakeoff.evaluation.datasets.snapshot_layout import MANIFEST, TEST, TRAIN, TRAIN_LABELS, SnapshotManifest
from bakeoff.evaluation.jobs import fit_and_predict
from registry.code.library_versions import loaded_environment

_NAMES = ("a", "b")
_KIND = "float64"
_LABELS = (0, 1, 0, 1)
_LIMIT_S = 60.0
_OUTPUTS = (fit_and_predict.PREDICTIONS, fit_and_predict.PROBABILITIES, fit_and_predict.SCORES)


def warm_up() -> None:
    """Evaluates a model of ours, which loads nothing.

    It also reads the versions of the loaded libraries, so that cells report the versions that they really
    have, even if others are installed later.
    """
    loaded_environment()
    _evaluate(f"{__name__}:_Constant")


def warm_up_sklearn() -> None:
    """Evaluates a model of scikit-learn that needs no BLAS.

    At its first fit scikit-learn searches all installed packages for kinds of data frames, and caches that.
    """
    _evaluate("sklearn.naive_bayes:GaussianNB")


class _Constant:
    def fit(self, _: Any, __: Any) -> "_Constant":
        return self

    def predict(self, X: Any) -> Any:
        return np.ones(len(X), dtype=int)


def _evaluate(path: str) -> None:
    candidate = Candidate(id="warm-up", version="1", path=path)
    with TemporaryDirectory(prefix="bakeoff-warm-up-") as place:
        folder = Path(place)
        snapshot = folder / "open"
        _write_snapshot(snapshot)
        payload = {
            "about": {"runId": None, "jobId": None, "attempt": 1},
            "audited": False,  # an audit cannot be switched off again
            "candidate": candidate.to_json(),
            "snapshot": str(snapshot),
            "isPart": False,
            "root": str(SOURCES),
            "seed": 0,
            "shuffled": None,
            "moreThanLabels": False,
            "wantsLatency": True,
            "wantsCurves": True,
            "threshold": None,
            "timeoutSeconds": _LIMIT_S,
            "saveAs": None,
            "modelLimitMb": 1,
            "importance": None,
        }
        outputs = {name: folder / name for name in _OUTPUTS}
        with without_cell(folder, outputs) as inside:
            fit_and_predict.run(payload, inside)


def _write_snapshot(folder: Path) -> None:
    folder.mkdir()
    values = np.arange(float(len(_LABELS) * len(_NAMES))).reshape(-1, len(_NAMES))
    for part in (TRAIN, TEST):
        write_array(folder / f"{part}.{_KIND}.npy", np.asfortranarray(values))
    write_array(folder / TRAIN_LABELS, np.array(_LABELS))
    ref = DatasetRef(
        dataset_id="",
        split_id="",
        name="warm-up",
        target="y",
        target_kind=TargetKind.BINARY,
        classes=("0", "1"),
        train_rows=len(_LABELS),
        test_rows=len(_LABELS),
        columns=len(_NAMES),
    )
    fields = tuple(Field(name=name, type=_KIND, missing=0) for name in _NAMES)
    manifest = SnapshotManifest(ref=ref, classes=(0, 1), fields=fields, split={"seed": 0}, sizes={})
    write_text(folder / MANIFEST, manifest.to_text())
