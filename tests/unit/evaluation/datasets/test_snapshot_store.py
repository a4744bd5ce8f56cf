"""Taking snapshots off the shelf, beside those who put, find and hold some."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from fixtures.places import ROOT

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.machine.work_in_thread import start_in_thread
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource

IRIS = DatasetSettings(source=DatasetSource.SKLEARN, name="iris")


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "snapshots"

    def pin(self, seed: int = 0) -> Path:
        return pin(
            PinRequest(
                dataset=IRIS, name="iris", root=self.folder, snapshots=self.folder, seed=seed, test_size=0.25
            )
        ).folder

    def clear(self, cited: Collection[Path] = ()) -> int:
        taken = snapshot_store.set_aside_unused(self.folder, lambda: set(map(address, cited)))
        for folder in taken:
            shutil.rmtree(folder, ignore_errors=True)  # another producer may remove it, too
        return len(taken)


def address(folder: Path) -> snapshot_store.Address:
    return folder.parent.name, folder.name


def grow_old(folder: Path) -> Path:
    """Two hours ago somebody touched it last."""
    at = time.time() - 7200
    os.utime(folder, (at, at))
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_what_nobody_cites_is_taken_away_when_it_is_old(place: Shelf) -> None:
    cited, uncited, fresh = grow_old(place.pin(1)), grow_old(place.pin(2)), place.pin(3)

    assert snapshot_store.unused(place.folder, lambda: {address(cited)}) == [uncited]
    assert place.clear([cited]) == 1
    assert [cited.exists(), uncited.exists(), fresh.exists()] == [True, False, True]


def test_an_empty_folder_of_a_dataset_goes_too(place: Shelf) -> None:
    folder = grow_old(place.pin())

    assert place.clear() == 1
    assert not folder.parent.exists()
    assert place.pin() == folder


def test_what_is_no_snapshot_of_ours_stays(place: Shelf) -> None:
    mine = place.folder / "notes" / "2026"
    mine.mkdir(parents=True)
    grow_old(mine)

    assert place.clear() == 0
    assert mine.is_dir()


def test_there_is_nothing_to_take_where_nothing_was_ever_put(place: Shelf) -> None:
    assert place.clear() == 0
    assert snapshot_store.unused(place.folder, set) == []
    assert not place.folder.exists()


def test_a_snapshot_that_is_found_for_a_new_run_is_not_taken_away(place: Shelf) -> None:
    folder = grow_old(place.pin())
    assert place.pin() == folder

    assert place.clear() == 0


def test_a_snapshot_that_took_hours_to_fill_is_fresh_when_it_is_put(place: Shelf) -> None:
    place.folder.mkdir()
    with snapshot_store.incoming(place.folder) as filled:
        grow_old(filled)
        snapshot_store.publish(filled, place.folder / ("a" * 32) / ("b" * 32))

    assert place.clear() == 0


def test_a_snapshot_is_not_taken_away_while_somebody_writes_a_run_that_cites_it(place: Shelf) -> None:
    folder, cited = grow_old(place.pin()), set[snapshot_store.Address]()
    with snapshot_store.held(folder):
        clearing = start_in_thread(lambda: snapshot_store.set_aside_unused(place.folder, lambda: cited))
        with pytest.raises(TimeoutError):
            clearing.result(0.2)
        cited.add(address(folder))

    assert clearing.result(10) == []
    assert snapshot_store.is_complete(folder)


@pytest.mark.parametrize("remove", [shutil.rmtree, lambda folder: shutil.rmtree(folder.parent.parent)])
def test_a_run_on_a_snapshot_that_was_taken_away_is_refused(place: Shelf, remove) -> None:
    remove(folder := place.pin())

    with pytest.raises(NotFoundError) as refused, snapshot_store.held(folder):
        pytest.fail("it is not held")
    assert (
        str(refused.value) == f"the snapshot {folder} is not there any more: start a new run of the dataset"
    )


HOLDER = """
import sys, time
from pathlib import Path
from bakeoff.evaluation.datasets import snapshot_store
with snapshot_store.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_producer_that_is_killed_holds_nothing_any_more(place: Shelf) -> None:
    folder = grow_old(place.pin())
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as producer:
        assert producer.stdout is not None
        assert producer.stdout.readline() == "held\n"
        producer.send_signal(signal.SIGKILL)

    assert place.clear() == 1


def test_no_run_is_ever_left_without_its_snapshot(place: Shelf) -> None:
    """However long its producer slept: only the locks keep a snapshot here."""
    runs: list[Path] = []
    lost: list[Path] = []
    made = [0, 0]

    def produce(number: int) -> None:
        for seed in (0, 1) * 8:
            folder = place.pin(seed)
            try:
                with snapshot_store.held(grow_old(folder)):
                    runs.append(folder)
            except (NotFoundError, FileNotFoundError):
                continue
            made[number] += 1
            lost.extend([] if snapshot_store.is_complete(folder) else [folder])
            runs.remove(folder)

    producers = [threading.Thread(target=produce, args=(number,)) for number in range(2)]
    for producer in producers:
        producer.start()
    taken = 0
    while any(producer.is_alive() for producer in producers):
        taken += place.clear(runs)

    assert lost == []
    assert min(made) > 0
    assert taken > 0
