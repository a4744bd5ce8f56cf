"""A real Jupyter kernel: it is interrupted, and then killed, while a candidate is fitted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import pytest
from fixtures.projects.kitchen import below, is_alive
from fixtures.projects.project import wait_for
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.services

CELL = """
import time, bakeoff
import numpy as np

class Slow:
    def fit(self, X, y):
        time.sleep(600)
    def predict(self, X):
        return [0] * len(X)

X, y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
bakeoff.compare({"slow": Slow}, X, y)
"""
LAST = "bakeoff.notebook_project().runs().state.iloc[0]"


class Kernel:
    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.process.pid)

    def run(
        self, code: str, *, until: Callable[[dict[str, Any]], bool] | None = None
    ) -> list[dict[str, Any]]:
        """What comes of the cell, until it ends or a message is the awaited one."""
        asked = self.client.execute(code)
        return self.messages(asked, until)

    def messages(
        self, asked: str, until: Callable[[dict[str, Any]], bool] | None = None
    ) -> list[dict[str, Any]]:
        found, deadline = [], time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            found.append(message)
            if message["content"].get("execution_state") == "idle" or (until and until(message)):
                return found
        raise AssertionError(f"the cell did not come to it: {found}")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    for name in ("XDG_CACHE_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def is_fitting(message: dict[str, Any]) -> bool:
    """Whether the bar says that the slow one is fitted."""
    return "fitting slow" in str(message["content"].get("data", {}).get("text/html", ""))


def test_an_interrupted_kernel_cancels_and_a_killed_one_leaves_nothing(kernel: Kernel) -> None:
    shown = kernel.run(CELL, until=is_fitting)
    asked = shown[0]["parent_header"]["msg_id"]
    kernel.manager.interrupt_kernel()
    rest = kernel.messages(asked)

    assert [m["content"]["ename"] for m in rest if m["msg_type"] == "error"] == ["KeyboardInterrupt"]
    told = "".join(m["content"]["text"] for m in rest if m["msg_type"] == "stream")
    assert "was cancelled" in told
    wait_for(lambda: "cancelled" in str(kernel.run(LAST)), "the end of the interrupted run")

    kernel.run(CELL, until=is_fitting)
    processes = below(kernel.pid)
    assert len(processes) > 3
    psutil.Process(kernel.pid).kill()
    wait_for(lambda: not any(map(is_alive, processes)), "the end of what the kernel had started")
