"""Beat ends at SIGTERM whatever it holds at that moment."""

import subprocess
import sys

import pytest

BEAT = """
import signal, threading
from celery import signals
from bakeoff.worker.worker_lifecycle import WorkerNode
from celery import Celery

node = WorkerNode(lambda: None)
node._begin = lambda **_: None
node.attach_to(Celery("beat"))
held = threading.Lock()
signal.signal(signal.{name}, lambda *_: held.acquire())  # as Celery's handler, which closes what is in use
signals.beat_init.send(sender=None)
with held:
    signal.raise_signal(signal.{name})
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_in_the_middle_of_a_send_ends_it(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BEAT.format(name=name)], timeout=60, check=False, capture_output=True
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
