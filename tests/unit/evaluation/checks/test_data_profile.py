"""Profiles of snapshots: classes, distributions, and what has changed between two of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.evaluation.checks.data_profile import (
    ClassCount,
    DataProfile,
    class_drift,
    drift,
    stored_profile,
)
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.settings.setting_definitions import DatasetSettings


def profile(folder: Path, frame: pd.DataFrame) -> DataProfile:
    """As it is stored when the frame is pinned."""
    folder.mkdir()
    frame.to_csv(folder / "data.csv", index=False)
    settings = DatasetSettings.model_validate({"source": "csv", "path": "data.csv", "target": "y"})
    pinned = pin(
        PinRequest(
            dataset=settings, name="d", root=folder, snapshots=folder / "snapshots", seed=0, test_size=0.25
        )
    )
    found = stored_profile(pinned.folder)
    assert found is not None
    return found


def frame(rows: int = 400, *, shift: float = 0.0, blue: float = 0.5, positive: float = 0.25) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "x": draw.normal(size=rows) + shift,
            "still": draw.normal(size=rows),
            "colour": np.where(np.arange(rows) < blue * rows, "blue", "red"),
            "y": np.where(np.arange(rows) % 100 < 100 * positive, "yes", "no"),
        }
    )


def test_classes_are_counted_in_both_parts(tmp_path: Path) -> None:
    found = profile(tmp_path / "a", frame())

    assert found.classes == (
        ClassCount(name="no", train=225, test=75),
        ClassCount(name="yes", train=75, test=25),
    )


def test_the_column_that_has_changed_comes_first_with_how_far(tmp_path: Path) -> None:
    before = profile(tmp_path / "a", frame())
    now = profile(tmp_path / "b", frame(shift=1.0, blue=0.8).assign(extra=1.5))

    found = {one.column: one for one in drift(before, now)}
    assert [one.column for one in drift(before, now)][:2] == ["extra", "x"]
    assert found["extra"].is_new
    assert found["x"].distance == pytest.approx(0.38, abs=0.06)  # of two normals that are one apart
    assert found["colour"].distance == pytest.approx(0.3, abs=1e-9)
    assert found["still"].distance == pytest.approx(0.0, abs=1e-9)


def test_missing_values_are_a_change(tmp_path: Path) -> None:
    some = frame()
    some.loc[::2, "x"] = np.nan

    (first, *_) = drift(profile(tmp_path / "a", frame()), profile(tmp_path / "b", some))
    assert (first.column, first.distance) == ("x", 0.5)


def test_other_shares_of_the_classes_are_a_change_of_their_own(tmp_path: Path) -> None:
    before, now = profile(tmp_path / "a", frame()), profile(tmp_path / "b", frame(positive=0.5))

    assert class_drift(before, now) == pytest.approx(0.25)
    assert class_drift(before, before) == 0


def test_texts_that_are_nearly_all_different_are_not_said_to_be_as_before(tmp_path: Path) -> None:
    words = [f"word {row % 200}" for row in range(400)]
    others = [f"other {row % 200}" for row in range(400)]
    before = profile(tmp_path / "a", frame().assign(text=words))
    now = profile(tmp_path / "b", frame().assign(text=others))

    last = drift(before, now)[-1]
    assert (last.column, last.distance) == ("text", None)


def test_a_column_that_is_gone_is_among_the_changes(tmp_path: Path) -> None:
    before, now = profile(tmp_path / "a", frame()), profile(tmp_path / "b", frame().drop(columns="still"))

    assert [(one.column, one.distance) for one in drift(before, now) if one.is_gone] == [("still", 1.0)]


def test_long_texts_that_begin_alike_count_together(tmp_path: Path) -> None:
    long = np.where(np.arange(400) % 4 == 0, "x" * 100 + "a", "x" * 100 + "b")

    shares = profile(tmp_path / "a", frame().assign(text=long)).columns["text"].shares
    assert shares == {"x" * 100: 1.0}
