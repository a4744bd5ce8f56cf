"""The same files are not read again for each of many runs, and other ones always are."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.evaluation.datasets import pin_snapshot as memory
from bakeoff.evaluation.datasets.pin_snapshot import PinCache, Pinned
from bakeoff.settings.setting_definitions import DatasetSettings

ROWS = "".join(f"{n},{'no' if n % 2 else 'yes'}\n" for n in range(40))
CSV = DatasetSettings(source="csv", path="d.csv", target="y")


class Place:
    """A dataset, and how often it was read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads = 0
        self.memory = PinCache(clock=lambda: time.time() + 60)  # a minute later: the file has settled
        self.file = root / "d.csv"
        self.file.write_text("x,y\n" + ROWS)

    def pin(self, dataset: DatasetSettings = CSV, *, seed: int = 0) -> Pinned:
        return self.memory.pin(
            dataset, name="d", root=self.root, snapshots=self.root / "snapshots", seed=seed, test_size=0.25
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place, really = Place(tmp_path), memory.pin

    def counted(*args: object, **given: object) -> Pinned:
        place.reads += 1
        return really(*args, **given)

    monkeypatch.setattr(memory, "pin", counted)
    return place


def test_a_file_that_nobody_has_touched_is_read_once(place: Place) -> None:
    first, second = place.pin(), place.pin()

    assert first == second
    assert place.reads == 1


def test_a_toy_set_is_read_once(place: Place) -> None:
    iris = DatasetSettings(source="sklearn", name="iris")

    assert place.pin(iris) == place.pin(iris)
    assert place.reads == 1


def test_another_seed_or_other_settings_are_another_snapshot(place: Place) -> None:
    pinned = [place.pin(), place.pin(seed=1), place.pin(CSV.model_copy(update={"positive_label": "no"}))]

    assert place.reads == 3
    assert pinned[0].ref.split_id != pinned[1].ref.split_id


def test_a_file_that_has_changed_is_read_again(place: Place) -> None:
    before = place.pin()
    place.file.write_text("x,y\n" + ROWS.replace("39,", "93,"))
    after = place.pin()

    assert before.ref.dataset_id != after.ref.dataset_id
    assert place.reads == 2


def test_a_change_that_hides_its_time_and_size_is_seen(place: Place) -> None:
    before, stat = place.pin(), place.file.stat()
    place.file.write_text("x,y\n" + ROWS.replace("39,", "93,"))
    os.utime(place.file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = place.pin()

    assert place.file.stat().st_size == stat.st_size
    assert before.ref.dataset_id != after.ref.dataset_id


def test_another_file_in_its_place_is_seen(place: Place) -> None:
    before, stat = place.pin(), place.file.stat()
    other = place.root / "other.csv"
    other.write_text("x,y\n" + ROWS.replace("39,", "93,"))
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(place.file)

    assert before.ref.dataset_id != place.pin().ref.dataset_id


def test_a_file_that_was_touched_just_now_is_not_trusted(place: Place) -> None:
    place.memory = PinCache()
    place.pin()
    place.pin()

    assert place.reads == 2


def test_the_test_part_counts_as_well(place: Place) -> None:
    shutil.copy(place.file, place.root / "t.csv")
    both = CSV.model_copy(update={"test_path": "t.csv"})
    before = place.pin(both)
    (place.root / "t.csv").write_text("x,y\n" + ROWS.replace("39,", "93,"))

    assert before.ref.dataset_id != place.pin(both).ref.dataset_id


def test_what_a_query_returns_is_read_each_time(place: Place) -> None:
    import sqlite3

    with sqlite3.connect(place.root / "d.db") as connection:
        connection.execute("CREATE TABLE d (x, y)")
        connection.executemany("INSERT INTO d VALUES (?, ?)", [(n, n % 2) for n in range(40)])
    connection.close()
    query = DatasetSettings(source="sql", url="sqlite:///d.db", query="SELECT * FROM d", target="y")
    place.pin(query)
    place.pin(query)

    assert place.reads == 2


def test_a_snapshot_that_is_gone_is_made_again(place: Place) -> None:
    folder = place.pin().folder
    shutil.rmtree(folder)

    assert place.pin().folder == folder
    assert folder.is_dir()
    assert place.reads == 2


def test_only_the_newest_are_remembered(place: Place) -> None:
    iris = DatasetSettings(source="sklearn", name="iris")
    for seed in range(65):
        place.pin(iris, seed=seed)
    place.pin(iris, seed=64)
    assert place.reads == 65

    place.pin(iris, seed=0)
    assert place.reads == 66


def test_it_says_of_a_dataset_whether_it_needed_no_reading_the_last_time(place: Place) -> None:
    said = [place.memory.is_likely_to_know("d")]
    for seed in (0, 0, 1):
        place.pin(seed=seed)
        said.append(place.memory.is_likely_to_know("d"))

    assert said == [False, False, True, False]
