"""A candidate that looks for the test labels wherever a process can look, and says what it found.

It must not know what it seeks, or it would find that in its own memory: what it is given is masked, and so is
whatever it looks through.
"""

# It uses whatever is at hand, as strangers do.
# ruff: noqa: PTH123, PTH208

import ctypes
import json
import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np

MASK = bytes(number ^ 0x5A for number in range(256))
_CHUNK = 2**20
_UNTOUCHED = bytes(_CHUNK + 4096)
_LARGEST = 2**22
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s*(.*)")


class Seeker:
    def __init__(self, wanted, places):
        self.wanted = {name: bytes.fromhex(masked) for name, masked in wanted.items()}
        self.places = places
        self._opened = set()

    def fit(self, X, y):
        found = {
            "memory": self._memory("self"),
            "memory of others": [name for pid in _others() for name in self._memory(pid)],
            "descriptors": self._descriptors(),
            "processes": self._processes(),
            "files": sorted({name for place in self.places for name in self._files(place)}),
            "system": self._files("/proc/self") + self._files("/dev/shm") + self._files("/sys/fs"),
        }
        print(json.dumps({"found": found, "opened": sorted(self._opened)}))

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def _in(self, data):
        masked = data.translate(MASK)
        return [name for name, needle in self.wanted.items() if needle in masked]

    def _memory(self, pid):
        """What was written there, and the data that are mapped; not the code of libraries."""
        found = []
        with suppress(OSError), Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
            for mapping in Path(f"/proc/{pid}/maps").read_text().splitlines():
                start, end, rights, place = _MAPPING.match(mapping).groups()
                if rights[1] == "w" or place.endswith((".npy", ".arrow")):
                    found += self._range(memory, int(start, 16), int(end, 16))
        return sorted(set(found)) + ([] if pid == "self" else self._by_the_kernel(int(pid)))

    def _range(self, memory, start, end):
        found = []
        for place in range(start, end, _CHUNK):
            with suppress(OSError, ValueError):
                memory.seek(place)
                data = memory.read(min(_CHUNK + 4096, end - place))
                if not _UNTOUCHED.startswith(
                    data
                ):  # most of what libraries reserve, and slow to look through
                    found += self._in(data)
        return found

    def _by_the_kernel(self, pid):
        """Another way to the same memory."""
        attach, libc = 16, ctypes.CDLL(None, use_errno=True)
        return ["traced"] if libc.ptrace(attach, pid, 0, 0) == 0 else []

    def _descriptors(self):
        found = []
        for number in range(256):
            with suppress(OSError):
                found += self._in(os.pread(number, _LARGEST, 0))
        return found

    def _processes(self):
        found = []
        for pid in ("self", *_others()):
            for name in ("environ", "cmdline", "auxv", "stat", "syscall", "stack"):
                found += self._file(f"/proc/{pid}/{name}")
            for folder in ("cwd", "fd", "map_files"):
                found += self._files(f"/proc/{pid}/{folder}")
        return found

    def _files(self, place):
        found = self._file(place)
        for folder, _, names in os.walk(place):
            for name in names:
                found += self._file(f"{folder}/{name}")
        return found

    def _file(self, place):
        with suppress(OSError), open(os.open(place, os.O_RDONLY | os.O_NONBLOCK), "rb", 0) as file:
            data = file.read(_LARGEST) or b""
            self._opened.add(place)
            return self._in(data)
        return []


def _others():
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def masked(data):
    return data.translate(MASK).hex()
