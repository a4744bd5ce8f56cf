"""What is taken again from the reserved heap costs the kernel nothing, and little is taken at first."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_MODE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
#: Twenty megabytes, three times, in a process of its own: malloc cannot be set back.
_TAKE = """
import json, resource, sys
import numpy as np
from bakeoff.cell.confinement import kernel_calls

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident_kb():
    return int(open("/proc/self/statm").read().split()[1]) * 4

before_kb = resident_kb()
if sys.argv[1] == "reserved":
    kernel_calls.heap_of_huge_pages()
added_kb, taken = resident_kb() - before_kb, []
for _ in range(3):
    before = faults()
    arrays = [np.ones(300_000) for _ in range(8)]
    del arrays
    taken.append(faults() - before)
print(json.dumps([added_kb, taken]))
"""


def _take(how: str) -> tuple[int, list[int]]:
    done = subprocess.run([sys.executable, "-c", _TAKE, how], capture_output=True, check=True, text=True)
    added_kb, taken = json.loads(done.stdout)
    return added_kb, taken


def test_memory_that_was_freed_is_there_again_and_reserving_takes_none() -> None:
    added_kb, (first, second, third) = _take("reserved")

    assert added_kb < 2048
    assert first > 10 * (second + third)


@pytest.mark.skipif(
    not _MODE.exists() or "[never]" in _MODE.read_text("ascii"), reason="this machine has no huge pages"
)
def test_the_first_touch_of_reserved_memory_costs_fewer_faults() -> None:
    _, (plain, *_) = _take("plain")
    _, (reserved, *_) = _take("reserved")

    assert reserved < plain / 2
