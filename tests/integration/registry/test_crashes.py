"""Whoever is killed, and wherever: what is listed loads, and what is left over is found and removed."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from fixtures.projects.crowd import in_processes

from bakeoff.domain.model_version import VersionFilter
from bakeoff.store.database import engine_and_transactions
from bakeoff.store.models import version_rows, version_stages
from registry import ModelRegistry
from registry.models.local import artefact_files, local_registry
from registry.models.registry_interface import Description, Fitted

#: Where files and rows are changed; what comes before has nothing to break.
_CHANGING = {
    module.__file__
    for module in (artefact_files, local_registry, version_rows, version_stages, engine_and_transactions)
}


class Model:
    """Small, and known wherever this module is."""


def is_killed_after(lines: int, act: Callable[[], object], files: Collection[str]) -> bool:
    """Does it in a fork that dies by SIGKILL when so many of their lines were reached for the first time."""
    child = os.fork()
    if not child:
        reached = set()

        def step(frame, event, _argument):
            if frame.f_code.co_filename not in files:
                return None
            if event == "line":
                reached.add((frame.f_code.co_filename, frame.f_lineno))
                if len(reached) > lines:
                    os.kill(os.getpid(), signal.SIGKILL)
            return step

        sys.settrace(step)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def each_kill(act: Callable[[], object], files: Collection[str] = _CHANGING) -> Iterator[None]:
    """Does it again and again, each time killed one line further on, until it lives to the end."""
    lines = 0
    while is_killed_after(lines, act, files):
        yield
        lines += 1


@pytest.fixture
def stocked(registry):
    """With one model in it."""
    save(registry)
    return registry


def save(registry):
    return registry.save_model(Model(), "churn", preprocessor_artifact=Model())


def all_is_well(registry):
    """What is listed loads, the next save works, and what is left over is removed."""
    for version in registry.versions(limit=2):
        loaded = registry.load(version.id)
        assert isinstance(loaded.model, Model)
        assert isinstance(loaded.preprocessor_artifact["preprocessor"], Model)
    registry.verify(save(registry))
    registry.remove_leftovers()
    return registry.leftovers() == []


def files_of(registry):
    return len(list(registry.storage_path.rglob("*.pkl")))


def test_a_save_that_is_killed_anywhere_leaves_nothing_that_is_listed_and_does_not_load(stocked):
    kills = left = 0
    for _ in each_kill(lambda: save(stocked)):
        left += bool(stocked.leftovers())
        assert all_is_well(stocked)
        kills += 1

    assert (kills > 50, left > 10) == (True, True)
    assert [version.serial for version in stocked.versions()] == list(range(len(stocked.versions()), 0, -1))
    assert files_of(stocked) == 2 * len(stocked.versions())


def test_so_does_the_saving_of_what_a_cell_has_fitted(stocked, tmp_path):
    files = [tmp_path / "model", tmp_path / "preprocessor"]
    for file, fitted in zip(files, (Model(), {"preprocessor": Model()}), strict=True):
        file.write_bytes(pickle.dumps(fitted, protocol=5))
    digests = [artefact_files.digest_of(file) for file in files]
    left = Fitted(
        model=files[0], model_digest=digests[0], preprocessor=files[1], preprocessor_digest=digests[1]
    )

    said = Description(type="Model")
    for _ in each_kill(lambda: stocked.save_fitted(left, "churn", said), {artefact_files.__file__}):
        assert all_is_well(stocked)


def test_a_delete_that_is_killed_anywhere_leaves_nothing_that_is_listed_and_does_not_load(stocked):
    kills = left = 0
    newest = [save(stocked)]
    for _ in each_kill(lambda: stocked.delete_model(newest[-1])):
        left += bool(stocked.leftovers())
        assert all_is_well(stocked)
        newest.append(stocked.versions(limit=1)[0].id)
        kills += 1

    assert (kills > 20, left > 1) == (True, True)
    assert files_of(stocked) == 2 * len(stocked.versions())


def test_a_promotion_that_is_killed_anywhere_is_done_whole_or_not_at_all(stocked):
    stocked.transition_model_stage("churn/1.0.0", "Production")
    waiting = save(stocked)
    seen = set()
    for _ in each_kill(lambda: stocked.transition_model_stage(waiting, "Production")):
        stages = [str(version.stage) for version in stocked.versions(VersionFilter(name="churn"), limit=2)]
        seen.add((*stages, stocked.history()[0].replaced is not None))
        if stages[0] == "Production":
            stocked.transition_model_stage("churn/1.0.0", "Production")

    assert seen == {("Development", "Production", False), ("Production", "Archived", True)}


class Slow:
    """Says that it is being pickled, and waits until it may go on."""

    def __init__(self, began, go_on):
        self.began, self.go_on = began, go_on

    def __reduce__(self):
        self.began.set()
        assert self.go_on.wait(30)
        return Model, ()


def test_what_somebody_is_saving_is_not_left_over(registry):
    began, go_on = threading.Event(), threading.Event()
    saver = threading.Thread(target=registry.save_model, args=(Slow(began, go_on), "churn"))
    saver.start()
    assert began.wait(30)
    try:
        assert registry.remove_leftovers() == []
    finally:
        go_on.set()
        saver.join(30)

    assert isinstance(registry.load_model(version="1.0.0"), Model)


def save_some(folder: Path, number: int) -> None:
    registry = ModelRegistry(folder)
    for _ in range(number):
        registry.save_model(Model(), "churn", preprocessor_artifact=Model())


def remove_leftovers_often(folder: Path, number: int) -> None:
    registry = ModelRegistry(folder)
    for _ in range(5 * number):
        registry.remove_leftovers()


def test_leftovers_are_removed_while_others_save(registry):
    folder = registry.storage_path
    in_processes(_do, [(save_some, folder, 10)] * 4 + [(remove_leftovers_often, folder, 10)])

    assert len(registry.versions()) == 40
    for version in registry.versions():
        registry.verify(version.id)


def _do(act: Callable[[Path, int], None], folder: Path, number: int) -> None:
    act(folder, number)


def test_only_what_the_registry_wrote_is_removed(registry):
    registry.save_model(Model(), "churn", preprocessor_artifact=Model())
    folder = registry.storage_path / "models" / "churn"
    for name in ("Model_9_9_9.pkl", "Model_9_9_9.preprocessor.pkl", "README.md"):
        (folder / name).write_text("left")
    (registry.storage_path / "models" / "empty").mkdir()

    assert [file.name for file in registry.leftovers()] == ["Model_9_9_9.pkl", "Model_9_9_9.preprocessor.pkl"]
    registry.remove_leftovers()

    assert sorted(file.name for file in folder.iterdir()) == [
        "Model_1_0_0.pkl",
        "Model_1_0_0.preprocessor.pkl",
        "README.md",
    ]
    assert not (registry.storage_path / "models" / "empty").exists()
