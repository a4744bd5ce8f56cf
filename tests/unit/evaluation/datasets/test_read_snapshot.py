import mmap
import os
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.places import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, Pinned, TargetKind
from bakeoff.evaluation.datasets import pin_snapshot, read_snapshot, snapshot_layout
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.read_snapshot import Data, open_snapshot, sealed_labels, sealed_rows
from bakeoff.evaluation.datasets.snapshot_store import snapshots_in
from bakeoff.settings.setting_definitions import DatasetSettings

DAYS = pd.date_range("2026-01-01", periods=8, unit="us")
MIXED = pd.DataFrame(
    {
        "n": [1.5, None, 2.5, 3.5, -0.0, 5.5, 6.5, 7.5],
        "city": ["Rome", None, "", "Oslo", "Rome", "Ulm", "Ærø", "Bonn"],
        "i": [1, 2, 3, 4, 5, 6, 7, 7],
        "ok": [True, False] * 4,
        "born": DAYS,
        "grade": pd.Categorical(list("abcabcab")),
        "y": ["no", "yes"] * 4,
    }
)
DTYPES = {
    "city": "string",
    "i": "int64",
    "ok": "bool",
    "born": "datetime",
    "grade": "category",
    "y": "string",
}


class Place:
    """A root with one dataset in it, and the folder of snapshots."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.snapshots = folder / "snapshots"

    def parquet(self, frame: pd.DataFrame, file: str = "d.parquet", **keys: Any) -> Pinned:
        frame.to_parquet(self.root / file, index=False)
        return self.pin({"source": "parquet", "path": file, "target": "y"}, **keys)

    def csv(self, frame: pd.DataFrame, **keys: Any) -> Pinned:
        frame.to_csv(self.root / "d.csv", index=False)
        return self.pin({"source": "csv", "path": "d.csv", "target": "y"}, **keys)

    def pin(
        self,
        dataset: dict[str, Any],
        *,
        name: str = "data",
        seed: int = 0,
        test_size: float = 0.25,
        **keys: Any,
    ) -> Pinned:
        whole = DatasetSettings(**{**dataset, **keys})
        return pin(
            PinRequest(
                dataset=whole,
                name=name,
                root=self.root,
                snapshots=self.snapshots,
                seed=seed,
                test_size=test_size,
            )
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def opened(pinned: Pinned, features: list[str] | None = None) -> Data:
    return open_snapshot(pinned.folder / "open", features=features)


def numbers(rows: int = 40, columns: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.standard_normal((rows, columns), dtype=np.float32), columns=list("abcdef")[:columns]
    )
    return frame.assign(y=rng.integers(0, 2, rows))


def test_a_toy_set_is_pinned_and_opened(place):
    pinned = place.pin({"source": "sklearn", "name": "iris"}, name="flowers")
    data = opened(pinned)
    assert pinned.ref == DatasetRef(
        dataset_id="9d3f00f68ce4e684ecf878494dfebc17",
        split_id="955c6ee59c2d9711c1ea65152751ddcd",
        name="flowers",
        target="target",
        target_kind=TargetKind.MULTICLASS,
        classes=("0", "1", "2"),
        train_rows=112,
        test_rows=38,
        columns=4,
    )
    assert (data.X_train.shape, data.y_train.shape, data.X_test.shape) == ((112, 4), (112,), (38, 4))
    assert (data.target_kind, data.classes, data.seed) == (TargetKind.MULTICLASS, (0, 1, 2), 0)
    assert data.X_train.columns.tolist()[0] == "sepal length (cm)"
    assert read_snapshot.dataset_ref(pinned.folder) == pinned.ref
    assert read_snapshot.classes(pinned.folder) == (0, 1, 2)
    assert pinned.folder == snapshot_layout.folder_of(
        place.snapshots, pinned.ref.dataset_id, pinned.ref.split_id
    )


def test_every_value_comes_back_with_its_type(place):
    pinned = place.parquet(MIXED)
    data = opened(pinned)
    rows = sealed_rows(pinned.folder)
    expected = MIXED.drop(columns="y").iloc[rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(data.X_test, expected)
    assert sealed_labels(pinned.folder).tolist() == MIXED["y"].iloc[rows].tolist()
    assert len(data.X_train) == 6
    assert sorted(data.X_train["i"].tolist() + data.X_test["i"].tolist()) == [1, 2, 3, 4, 5, 6, 7, 7]


def test_each_training_row_keeps_its_label(place):
    frame = pd.DataFrame(
        {"a": np.arange(100.0), "y": ["odd" if place % 2 else "even" for place in range(100)]}
    )
    data = opened(place.parquet(frame))
    assert ((data.X_train["a"] % 2 == 1) == (data.y_train == "odd")).all()


def test_a_frame_of_one_type_is_the_mapped_file_itself(place):
    data = opened(place.parquet(numbers()))
    array = data.X_train.to_numpy()
    base: Any = array
    while not isinstance(base, mmap.mmap):
        base = base.base
    assert np.shares_memory(array, np.frombuffer(base, np.uint8))
    assert data.X_train.columns.tolist() == ["a", "b", "c"]
    assert np.shares_memory(data.X_train["b"].to_numpy(), np.frombuffer(base, np.uint8))


def test_a_frame_can_be_changed_and_renamed_and_the_next_one_is_as_it_was(place):
    pinned = place.parquet(numbers())
    before, changed = opened(pinned).X_train, opened(pinned).X_train
    changed.iloc[0, 0] = -1.0
    changed.columns.name = "mine"
    pd.testing.assert_frame_equal(opened(pinned).X_train, before)
    assert opened(pinned).X_test.columns.name is None


def test_columns_side_by_side_are_one_array_and_others_are_mapped_one_by_one(place):
    pinned = place.parquet(numbers(columns=4))
    beside, apart = opened(pinned, ["b", "c"]).X_train, opened(pinned, ["d", "a"]).X_train
    assert np.shares_memory(beside.to_numpy(), beside["c"].to_numpy())
    assert apart.columns.tolist() == ["d", "a"]
    whole = opened(pinned).X_train
    np.testing.assert_array_equal(apart["d"], whole["d"])
    np.testing.assert_array_equal(apart["a"], whole["a"])


def test_a_mixed_frame_is_mapped_column_by_column(place):
    data = opened(place.parquet(MIXED))
    for name in ("n", "i", "ok", "born"):
        assert not data.X_train[name].to_numpy().flags.owndata, name


def test_a_model_may_change_its_frame_and_the_snapshot_stays(place):
    pinned = place.parquet(numbers())
    files = {path: path.read_bytes() for path in pinned.folder.rglob("*") if path.is_file()}
    data = opened(pinned)
    data.X_train.loc[0, "a"] = 99
    data.X_train.fillna(0, inplace=True)  # noqa: PD002  models do this
    data.y_train[0] = 7
    assert data.X_train.loc[0, "a"] == 99
    assert {path: path.read_bytes() for path in files} == files


def test_files_are_read_only(place):
    pinned = place.parquet(MIXED)
    assert {path.stat().st_mode & 0o777 for path in pinned.folder.rglob("*") if path.is_file()} == {0o444}


def test_the_open_part_knows_no_test_labels(place):
    frame = numbers(rows=40).assign(
        y=[f"secret{row % 4}" for row in range(40)], part=["train", "train", "test", "test"] * 10
    )
    frame.loc[frame["part"] == "test", "y"] = ["hidden", "secret0"] * 10
    pinned = place.parquet(frame, split_column="part")
    open_files = [path for path in (pinned.folder / "open").rglob("*") if path.name != "manifest.json"]
    assert {path.name for path in open_files} == {"train.float32.npy", "test.float32.npy", "y_train.npy"}
    assert opened(pinned).y_train.tolist() == ["secret0", "secret1"] * 10
    assert sorted(set(sealed_labels(pinned.folder))) == ["hidden", "secret0"]


def test_the_same_data_have_one_address_in_csv_parquet_and_sql(place):
    frame = MIXED.drop(columns=["grade", "city"]).assign(
        city=["Rome", None, "Bari", "Oslo", "Rome", "Ulm", "Ærø", "Bonn"]
    )
    types = {name: kind for name, kind in DTYPES.items() if name in frame.columns}
    connection = sqlite3.connect(place.root / "d.sqlite")
    frame.to_sql("t", connection, index=False)
    connection.close()
    query = {"source": "sql", "url": "sqlite:///d.sqlite", "query": "select * from t", "target": "y"}
    (place.root / "active.txt").write_text("d.sqlite")
    pointer = {"source": "pointer", "path": "active.txt", "query": "select * from t", "target": "y"}
    pinned = [
        place.parquet(frame),
        place.csv(frame, dtypes=types),
        place.pin(query, dtypes=types),
        place.pin(pointer, dtypes=types),
    ]
    assert len({(one.ref.dataset_id, one.ref.split_id) for one in pinned}) == 1
    assert len(snapshots_in(place.snapshots)) == 1


CELLS = st.tuples(
    st.integers(-(2**40), 2**40),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none()
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=4).map("x{}".format),
    st.booleans(),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(CELLS, min_size=4, max_size=12))
def test_any_data_have_one_address_in_csv_and_parquet(tmp_path_factory, rows):
    frame = pd.DataFrame(rows, columns=["i", "f", "s", "b"]).astype({"f": "float64", "s": "str"})
    frame["y"] = [place % 2 for place in range(len(frame))]
    place = Place(tmp_path_factory.mktemp("any"))
    types = {"i": "int64", "f": "float64", "s": "string", "b": "bool", "y": "int64"}
    assert place.parquet(frame).ref == place.csv(frame, dtypes=types).ref


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.rename(columns={"a": "z"}),
        lambda frame: frame.astype({"a": "float64"}),
        lambda frame: frame.iloc[::-1],
        lambda frame: frame[["b", "a", "c", "y"]],
        lambda frame: frame.assign(a=frame["a"].where(frame.index != 3, 0)),
        lambda frame: frame.assign(y=1 - frame["y"]),
        lambda frame: frame.iloc[:-1],
    ],
    ids=["name", "type", "row order", "column order", "value", "target", "rows"],
)
def test_any_difference_is_another_address(place, change):
    assert place.parquet(numbers()).ref.dataset_id != place.parquet(change(numbers())).ref.dataset_id


def test_another_target_is_another_address(place):
    frame = numbers().assign(z=[0, 1] * 20)
    other = place.parquet(frame, target="z")
    assert place.parquet(frame).ref.dataset_id != other.ref.dataset_id


def test_another_seed_or_test_size_is_another_split_of_the_same_data(place):
    refs = [place.parquet(numbers(), **how).ref for how in ({}, {"seed": 1}, {"test_size": 0.5})]
    assert len({ref.dataset_id for ref in refs}) == 1
    assert len({ref.split_id for ref in refs}) == 3


def test_a_split_of_the_data_does_not_depend_on_the_seed(place):
    frame = numbers().assign(part=["train", "test"] * 20)
    one, two = (place.parquet(frame, split_column="part", seed=seed) for seed in (0, 1))
    assert one.ref == two.ref
    assert opened(one).seed is None
    assert opened(one).X_train.columns.tolist() == ["a", "b", "c"]
    assert sealed_rows(one.folder).tolist() == list(range(1, 40, 2))


def test_a_test_file_gives_the_test_rows(place):
    numbers(10).to_parquet(place.root / "test.parquet")
    pinned = place.parquet(numbers(40), test_path="test.parquet")
    assert (pinned.ref.train_rows, pinned.ref.test_rows) == (40, 10)
    assert sealed_rows(pinned.folder).tolist() == list(range(40, 50))


def test_the_name_is_no_part_of_the_address(place):
    one, two = place.parquet(numbers(), name="one"), place.parquet(numbers(), name="two")
    assert one.folder == two.folder
    assert (one.ref.name, two.ref.name) == ("one", "two")


def test_a_snapshot_that_is_there_is_not_written_again(place):
    first = place.parquet(numbers())
    before = {path: path.stat().st_ino for path in first.folder.rglob("*")}
    place.parquet(numbers())
    assert {path: path.stat().st_ino for path in first.folder.rglob("*")} == before


@pytest.mark.parametrize("file", ["open/train.float32.npy", "sealed/y_test.npy", "open/manifest.json"])
@pytest.mark.parametrize("harm", [lambda path: os.truncate(path, 50), Path.unlink])
def test_a_damaged_snapshot_is_written_again(place, file, harm):
    first = place.parquet(numbers())
    path = first.folder / file
    whole = path.read_bytes()
    path.chmod(0o644)
    harm(path)
    again = place.parquet(numbers())
    assert again.folder == first.folder
    assert path.read_bytes() == whole
    assert list((place.snapshots / ".incoming").iterdir()) == []


def test_opening_a_damaged_snapshot_says_what_to_do(place):
    folder = place.parquet(numbers()).folder
    for file in ("open/train.float32.npy", "sealed/y_test.npy"):
        (folder / file).unlink()
    with pytest.raises(InfrastructureError, match=r"is damaged .*train\.float32\.npy.* start the run again"):
        open_snapshot(folder / "open")
    with pytest.raises(InfrastructureError, match="is damaged"):
        sealed_labels(folder)


def test_a_snapshot_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"there is no snapshot in .*gone"):
        open_snapshot(tmp_path / "gone" / "open")


def test_an_unknown_feature_is_named_with_the_nearest(place):
    pinned = place.pin({"source": "sklearn", "name": "wine"})
    with pytest.raises(InvalidInputError, match="'alcool' that the dataset has not; did you mean 'alcohol'"):
        opened(pinned, ["alcool"])


def test_labels_keep_their_type(place):
    for labels, kind in ((["b", "a"], "U"), ([5, 3], "i"), ([True, False], "b"), ([0.5, 1.5], "f")):
        pinned = place.parquet(numbers().assign(y=labels * 20))
        assert opened(pinned).y_train.dtype.kind == sealed_labels(pinned.folder).dtype.kind == kind


def test_mapped_bytes_are_those_of_the_open_part(place):
    pinned = place.parquet(numbers(40))
    data = 40 * 3 * 4 + 30 * 8
    assert data < read_snapshot.mapped_bytes(pinned.folder) < data + 3 * 200


def test_findings_reach_the_caller(place):
    found = place.parquet(numbers(160).assign(c=1.5)).findings
    assert [one.message for one in found] == ["c has one value only"]


def test_findings_are_made_once_for_a_snapshot_and_again_if_they_are_gone(place, monkeypatch):
    first = place.parquet(numbers(160).assign(c=1.5))
    made = []
    monkeypatch.setattr(pin_snapshot, "findings_on", lambda *_: made.append(1) or first.findings)
    assert place.parquet(numbers(160).assign(c=1.5)).findings == first.findings
    assert made == []
    (first.folder / "sealed" / "findings.json").unlink()
    assert place.parquet(numbers(160).assign(c=1.5)).findings == first.findings
    assert made == [1]
    assert (first.folder / "sealed" / "findings.json").exists()


def test_what_a_dataset_accepts_is_said_with_its_reason(place):
    accept = [{"useless-column c": "it comes into use next year"}]
    (found,) = place.parquet(numbers(160).assign(c=1.5), accept=accept).findings
    assert found.accepted == "it comes into use next year"


@pytest.mark.parametrize(
    ("accept", "says"),
    [
        ([{"leaky-faeture": "known"}], "there is no finding 'leaky-faeture'; did you mean 'leaky-feature'"),
        ([{"leaky-feature c": " "}], "leaky-feature c has no reason: say why it is no problem"),
    ],
)
def test_what_is_accepted_must_exist_and_have_a_reason(accept, says):
    with pytest.raises(ValueError, match=says):
        DatasetSettings(source="csv", path="d.csv", target="y", accept=accept)


@pytest.mark.parametrize(
    ("change", "keys", "says"),
    [
        (lambda frame: frame.iloc[:0], {}, "the data have 0 rows"),
        (lambda frame: frame.assign(a=np.inf), {}, "infinite values in 'a'"),
        (lambda frame: frame.assign(y=None), {}, "target 'y' is missing in 40 of 40 rows"),
        (lambda frame: frame.assign(y=1), {}, "two classes are needed"),
        (lambda frame: frame, {"target": "yy"}, "target: there is no column 'yy'; did you mean 'y'"),
    ],
)
def test_nothing_is_written_of_data_that_cannot_be_used(place, change, keys, says):
    with pytest.raises(InvalidInputError, match=says):
        place.parquet(change(numbers()), **keys)
    assert not place.snapshots.exists()


def test_a_full_disk_is_told_before_anything_is_written(place, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 1000)  # noqa: PYI024  as shutil's own
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(
        InfrastructureError, match=r"needs 64 MB in .*, 0 MB are free: .*dataDir or sharedDir"
    ):
        place.parquet(numbers())
    assert snapshots_in(place.snapshots) == []


def test_a_folder_that_cannot_be_made_is_named(place):
    place.snapshots.write_text("a file in the way")
    with pytest.raises(InfrastructureError, match=r"the snapshot cannot be written to .*snapshots"):
        place.parquet(numbers())


def test_producers_that_pin_the_same_at_once_all_succeed(place):
    numbers(2000).to_parquet(place.root / "d.parquet")
    dataset = {"source": "parquet", "path": "d.parquet", "target": "y"}
    with ThreadPoolExecutor(6) as threads:
        pinned = list(threads.map(lambda _: place.pin(dataset), range(6)))
    assert len({one.folder for one in pinned}) == 1
    assert snapshots_in(place.snapshots) == [pinned[0].folder]
    assert list((place.snapshots / ".incoming").iterdir()) == []


PIN_FOR_EVER = """
import itertools, os, sys
from pathlib import Path
from bakeoff.settings.setting_definitions import DatasetSettings
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
root = Path(sys.argv[1])
dataset = DatasetSettings(source="parquet", path="d.parquet", target="y")
for seed in itertools.count(os.getpid() * 1000):
    place = dict(root=root, snapshots=root / "snapshots")
    pin(PinRequest(dataset=dataset, name="d", **place, seed=seed % 2**32, test_size=0.25))
"""


def test_a_producer_killed_at_any_moment_leaves_only_whole_snapshots(place):
    numbers(200).to_parquet(place.root / "d.parquet")
    producers = [
        subprocess.Popen([sys.executable, "-c", PIN_FOR_EVER, str(place.root)], cwd=ROOT) for _ in range(2)
    ]
    for count, producer in enumerate(producers):
        enough = len(snapshots_in(place.snapshots)) + 3 + count
        deadline = time.monotonic() + 60
        while len(snapshots_in(place.snapshots)) < enough and time.monotonic() < deadline:
            assert producer.poll() is None
            time.sleep(0.005)
        producer.kill()
        producer.wait()
    assert len(snapshots_in(place.snapshots)) >= 6
    for folder in snapshots_in(place.snapshots):
        assert open_snapshot(folder / "open").X_train.shape == (150, 3)
        assert sealed_labels(folder).shape == (50,)


def test_what_a_killed_producer_left_goes_after_an_hour(place):
    old, new = (place.snapshots / ".incoming" / name for name in ("old", "new"))
    for folder, age in ((old, 3700), (new, 3500)):
        (folder / "open").mkdir(parents=True)
        (folder / "open" / "train.float32.npy").write_bytes(b"half")
        for path in (folder / "open" / "train.float32.npy", folder / "open", folder):
            os.utime(path, (time.time() - age,) * 2)
    assert snapshots_in(place.snapshots) == []
    place.parquet(numbers())
    assert (old.exists(), new.exists()) == (False, True)


def test_opening_imports_no_source_and_no_settings(place):
    pinned = place.parquet(MIXED)
    code = (
        "import sys; from pathlib import Path\n"
        "from bakeoff.evaluation.datasets.read_snapshot import open_snapshot\n"
        "assert 'pandas' not in sys.modules\n"
        "open_snapshot(Path(sys.argv[1]))\n"
        "heavy = {'sqlalchemy', 'sklearn', 'pydantic', 'yaml', 'sqlite3',"
        "         'bakeoff.evaluation.datasets.sources.read_dataset'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(pinned.folder / "open")], check=True, cwd=ROOT)


def test_some_of_the_test_rows_are_read_in_the_order_asked_for(place: Place) -> None:
    folder = place.parquet(MIXED, test_size=0.5).folder
    whole = open_snapshot(folder / snapshot_layout.OPEN).X_test

    for places in ([2], [3, 0, 1], []):
        some = read_snapshot.test_rows(folder, np.array(places, dtype=np.intp))
        pd.testing.assert_frame_equal(some, whole.iloc[places].reset_index(drop=True))
