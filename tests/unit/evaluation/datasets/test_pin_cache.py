"""The same files are not read again for each of many runs, and other ones always are."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.domain.snapshot_reference_and_split_design import Pinned
from bakeoff.evaluation.datasets import pin_cache, pin_snapshot
from bakeoff.evaluation.datasets.pin_cache import PinCache, PinRequest
from bakeoff.settings.setting_definitions import DatasetSettings

ROWS = "".join(f"{n},{'no' if n % 2 else 'yes'}\n" for n in range(40))
CSV = DatasetSettings(source="csv", path="d.csv", target="y")


class Place:
    """A dataset, and how often it was read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads = 0
        self.file = root / "d.csv"
        self.memory = self.new_process()
        self.file.write_text("x,y\n" + ROWS)

    def new_process(self, *, later_s: float = 60.0) -> PinCache:
        """By default a minute later: the file has settled."""
        return PinCache(self.root / "pinned.json", clock=lambda: time.time() + later_s)

    def pin(self, dataset: DatasetSettings = CSV, *, seed: int = 0) -> Pinned:
        return self.memory.pin(
            PinRequest(
                dataset=dataset,
                name="d",
                root=self.root,
                snapshots=self.root / "snapshots",
                seed=seed,
                test_size=0.25,
            )
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place, really = Place(tmp_path), pin_snapshot.pin

    def counted(*args: object, **given: object) -> Pinned:
        place.reads += 1
        return really(*args, **given)

    monkeypatch.setattr(pin_snapshot, "pin", counted)
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
    place.memory = place.new_process(later_s=0)
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


def test_another_process_reads_neither_the_file_nor_what_reads_it(place: Place) -> None:
    dataset = CSV.model_copy(update={"accept": [{"tiny-class": "so it is"}]})
    pinned = place.pin(dataset)
    code = """
import sys
from pathlib import Path
from bakeoff.evaluation.datasets.pin_cache import PinCache, PinRequest
from bakeoff.settings.setting_definitions import DatasetSettings
root = Path(sys.argv[1])
cache = PinCache(root / "pinned.json", clock=lambda: 4e9)
dataset = DatasetSettings.model_validate_json(sys.argv[2])
place = dict(root=root, snapshots=root / "snapshots")
print(cache.pin(PinRequest(dataset=dataset, name="d", **place, seed=0, test_size=0.25)))
assert "pandas" not in sys.modules
"""
    said = subprocess.run(
        [sys.executable, "-c", code, str(place.root), dataset.model_dump_json()],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert said == f"{pinned}\n"


def test_another_process_sees_what_has_changed(place: Place) -> None:
    before = place.pin()
    place.file.write_text("x,y\n" + ROWS.replace("39,", "93,"))
    place.memory = place.new_process()

    assert before.ref.dataset_id != place.pin().ref.dataset_id
    assert place.reads == 2


def test_other_libraries_read_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.pin()
    monkeypatch.setattr(pin_cache, "cell_environment", lambda: {"pandas": "another"})
    place.pin()

    assert place.reads == 2


def test_what_two_processes_pinned_is_remembered_by_a_third(place: Place) -> None:
    one, other = place.new_process(), place.new_process()
    for seed, place.memory in enumerate((one, other)):
        place.pin(seed=seed)
    place.memory = place.new_process()
    for seed in range(2):
        place.pin(seed=seed)

    assert place.reads == 2


@pytest.mark.parametrize("content", ["", "[]", '{"k": 1}', '{"k": {"marks": [], "pinned": {}}}', "\xff"])
def test_a_file_that_makes_no_sense_is_ignored_and_written_anew(place: Place, content: str) -> None:
    (place.root / "pinned.json").write_text(content, encoding="latin-1")
    place.memory = place.new_process()
    first = place.pin()
    place.memory = place.new_process()

    assert place.pin() == first
    assert place.reads == 1


def test_a_folder_that_cannot_be_written_to_stops_nobody(place: Place) -> None:
    place.memory = PinCache(place.root / "none" / "pinned.json", clock=lambda: time.time() + 60)

    assert place.pin() == place.pin()
    assert place.reads == 1
