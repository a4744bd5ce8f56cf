"""What `bakeoff up` loads once, for all that it forks."""

import subprocess
import sys

import pytest

#: As `bakeoff up` does it, up to its first child.
IMPORTS = """
import re
import sys
from pathlib import Path

from bakeoff.api.listening_socket import listen
from bakeoff.cli.commands.services import up_command
from bakeoff.worker import forked_module, run_celery_nodes
"""
LOADED = f"{IMPORTS}\nforked_module.load(run_celery_nodes.MODULES)\n"
MAPPED_KB = """
rollup = Path("/proc/self/smaps_rollup").read_text()
sizes = dict(re.findall(r"^(\\w+): +(\\d+) kB$", rollup, re.MULTILINE))
print(int(sizes["Rss"]) - int(sizes["Anonymous"]))
"""
OF_A_NODE = """
from tasks import celery
print(celery.app.configured, celery._chosen, hasattr(celery.node, "memory"), "tasks" in sys.modules)
"""


def _run(code: str) -> list[str]:
    """The lines that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """What each test asks for, from one process: memory first, which the other questions would raise."""
    return _run(f"{LOADED}{MAPPED_KB}print(*sys.modules){OF_A_NODE}")


def test_up_loads_nothing_that_one_process_alone_needs_and_no_plugin_of_celery(loaded: list[str]) -> None:
    modules = set(loaded[1].split())

    assert {"celery.apps.worker", "celery.apps.beat", "tasks.evaluate"} <= modules
    assert not {"fastapi", "uvicorn", "jinja2", "sklearn", "pandas"} & modules
    assert not {"celery.bin.celery", "flower", "tornado", "prompt_toolkit"} & modules


def test_up_keeps_few_pages_of_the_files_that_it_loaded(loaded: list[str]) -> None:
    alone = f"{IMPORTS}\nfor name in run_celery_nodes.MODULES: __import__(name)\n"

    assert int(loaded[0]) < int(_run(f"{alone}{MAPPED_KB}")[0]) / 2


def test_what_up_loads_of_a_node_has_neither_a_configuration_nor_memory_of_a_pool(loaded: list[str]) -> None:
    assert loaded[2] == "False [] False True"
