"""What is done with the pages of a process changes how much memory it has, and nothing that is in it."""

import json
import subprocess
import sys

#: In a process of its own, since both calls are about all of its pages.
_SIZES = """
import ctypes, json, mmap, re
from pathlib import Path
from bakeoff.cell.confinement import kernel_calls

HUGE = 2 * 2**20

def size_kb(kind):
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(rf"^{kind}: +(\\d+) kB$", rollup, re.MULTILINE)[1])

def file_kb():
    return size_kb("Rss") - size_kb("Anonymous")
"""
#: Two huge pages' worth of memory: some pages are written to at the first place, and all at the second.
_MERGE = """
memory = mmap.mmap(-1, 3 * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
first = -(-address // HUGE) * HUGE - address
memory[first] = memory[first + HUGE // 2] = 1
memory[first + HUGE : first + 2 * HUGE] = b"x" * HUGE
before = size_kb("Anonymous")
kernel_calls.merge_written_pages()
print(json.dumps([size_kb("Anonymous") - before, memory[first], memory[first + 2 * HUGE - 1]]))
"""
_RELEASE = """
import numpy as np

asked = (np.linalg.norm([3.0, 4.0]), np.fft.fft([1.0, 2.0]).real.tolist())
before = file_kb(), size_kb("Anonymous")
kernel_calls.release_pages_of_files()
after = file_kb(), size_kb("Anonymous")
again = (np.linalg.norm([3.0, 4.0]), np.fft.fft([1.0, 2.0]).real.tolist())
print(json.dumps([after[0] / before[0], after[1] - before[1], asked == again == (5.0, [3.0, -1.0])]))
"""


def _said(script: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", _SIZES + script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: list[float] = json.loads(done.stdout)
    return said


def test_merging_pages_takes_no_memory_where_few_were_written_to() -> None:
    added_kb, *written = _said(_MERGE)

    assert added_kb < 1024
    assert written == [1, ord("x")]


def test_files_that_are_only_read_are_given_back_and_read_again_when_they_are_needed() -> None:
    left, anonymous_kb, is_the_same = _said(_RELEASE)

    assert left < 0.5
    assert anonymous_kb > -100  # what was relocated is no page of a file any more: nothing else has it
    assert is_the_same
