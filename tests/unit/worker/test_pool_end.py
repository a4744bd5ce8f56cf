"""A process of the pool ends with its worker, and loads nothing for that."""

import subprocess
import sys

POOL_PROCESS = """
import ctypes, sys
from celery import platforms
from bakeoff.worker.worker_lifecycle import end_pool_with_worker

end_pool_with_worker()
platforms.set_pdeathsig("SIGKILL")  # as Celery does in each process of its pool
told = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(told))  # PR_GET_PDEATHSIG
print(told.value, "pycparser" in sys.modules)
"""


def test_it_is_killed_with_its_worker_and_needs_no_parser_of_c() -> None:
    said = subprocess.run([sys.executable, "-c", POOL_PROCESS], capture_output=True, text=True, check=True)

    assert said.stdout == "9 False\n"
