"""What a worker loads, and what it starts, before it is ready."""

import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.settings.configuration import load
from bakeoff.settings.setting_definitions import Settings
from bakeoff.worker import celery_process, early_oven, run_celery_nodes
from bakeoff.worker.pool_shared_memory import SharedMemory
from bakeoff.worker.worker_oven import WorkerOven


@pytest.mark.parametrize(
    ("command", "option"), [(celery_process.WORKER, "--for-owner"), (celery_process.BEAT, "--max-interval")]
)
def test_a_worker_and_beat_import_no_other_command_of_celery_and_no_flower(
    command: tuple[str, ...], option: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:], "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert option in done.stdout, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert f"celery.bin.{command[-1]}" in imported
    assert not {"celery.bin.celery", "flower", "tornado", "prompt_toolkit", "alembic"} & imported


def test_the_oven_is_started_as_the_command_of_the_worker_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/bakeoff.yaml").write_text("preload: []\n")
    begun = []
    monkeypatch.setattr(Oven, "begin", lambda **given: begun.append(given) or "the oven")
    arguments = run_celery_nodes.eval_command(load(tmp_path / "config/bakeoff.yaml", environment={}), "INFO")

    early_oven.start_first(arguments)

    assert early_oven.OVEN_FIRST not in arguments
    assert arguments[-1] == "eval@%h"
    named = load(tmp_path / "config/bakeoff.yaml", environment={"BAKEOFF_NODE_NAME": "left"})
    assert "eval@left" in run_celery_nodes.eval_command(named, "INFO")
    assert "control@left" in run_celery_nodes.control_command(named, "INFO")
    assert "pandas" in begun[0]["preload"]
    assert "sklearn.tree" not in begun[0]["preload"]
    assert str(tmp_path) in begun[0]["import_path"]
    assert early_oven.take() == ("the oven", begun[0]["preload"])
    assert early_oven.take() is None


def test_what_the_configuration_tells_is_said_to_an_oven_that_began_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/bakeoff.yaml").write_text("preload: [sklearn, colorsys]\n")
    configuration = load(tmp_path / "config/bakeoff.yaml", environment={})
    said = {}

    class Begun:
        socket = tmp_path / "socket"

        def finish(self, **rest: object) -> None:
            said.update(rest)

    monkeypatch.setattr(Oven, "begin", lambda **_: Begun())
    early_oven.start_first(early_oven.argument(tmp_path))
    WorkerOven(SharedMemory()).start(configuration)

    assert said["preload"] == ["colorsys"]
    assert tmp_path / "config/bakeoff.yaml" in said["closed"]
    assert said["hidden"] == socket_folders(configuration)
    assert list(early_oven.USUAL) == Settings().preload
