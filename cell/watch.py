"""What is looked at four times a second while a cell runs, and what must not be exceeded."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from cell import family
from cell.order import Limits
from cell.outcome import End, Failure
from cell.scratch import Scratch

INTERVAL_S = 0.25
_HURRY_S = 0.02
_CROWD = 48  # descendants from which on the next look is soon: a fork bomb doubles in milliseconds
_SCRATCH_INTERVAL_S = 1.0
_KB = 1024


@dataclass(frozen=True)
class Breach:
    end: End
    failure: Failure


@dataclass(frozen=True)
class Memory:
    """In KiB, as the kernel counts it for one process, or for several with each shared page counted once."""

    anonymous: int = 0
    shared: int = 0  #: /dev/shm, tmpfs, anonymous mappings that are shared
    resident: int = 0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(
            self.anonymous + other.anonymous,
            self.shared + other.shared,
            self.resident + other.resident,
        )


class Watch:
    def __init__(self, limits: Limits, scratch: Scratch, inherited: Memory) -> None:
        self._limits = limits
        self._scratch = scratch
        self._inherited = inherited
        self._next_look = monotonic() + INTERVAL_S
        self._next_scratch = monotonic() + _SCRATCH_INTERVAL_S
        self.peak_mb = 0.0

    @property
    def due_s(self) -> float:
        return max(0.0, self._next_look - monotonic())

    def look(self) -> Breach | None:
        pids = list(family.descendants(os.getpid()))
        self._next_look = monotonic() + (INTERVAL_S if len(pids) < _CROWD else _HURRY_S)
        return self._crowd(pids) or self._memory(pids) or self._folder()

    def _crowd(self, pids: list[int]) -> Breach | None:
        most = self._limits.processes
        if len(pids) <= most:
            return None
        return _breach(
            End.TOO_MANY_PROCESSES,
            "TooManyProcesses",
            f"it had {len(pids)} processes, the most is {most}",
            "Start fewer processes, and wait for those that end.",
        )

    def _memory(self, pids: list[int]) -> Breach | None:
        limit_mb = self._limits.memory_mb
        used = _sum(map(memory_of, pids))
        if 1 < len(pids) < _CROWD or self._exceeds(used):
            used = _sum(map(_fair_memory_of, pids))
        if len(pids) < _CROWD:
            self.peak_mb = max(self.peak_mb, used.resident / _KB)
        if limit_mb is None or not self._exceeds(used):
            return None
        return _breach(
            End.MEMORY,
            "MemoryLimit",
            f"it had added {self._added_kb(used) // _KB} MB, its limit is {limit_mb} MB",
            "Raise the memory limit of this candidate, or let it use less memory.",
        )

    def _added_kb(self, used: Memory) -> int:
        """Beside what came with the fork. A page that several processes have changed counts for each."""
        mapped_kb = self._limits.mapped_bytes // _KB
        return max(0, used.anonymous - self._inherited.anonymous) + max(0, used.shared - mapped_kb)

    def _exceeds(self, used: Memory) -> bool:
        limit_mb = self._limits.memory_mb
        return limit_mb is not None and self._added_kb(used) > limit_mb * _KB

    def _folder(self) -> Breach | None:
        if monotonic() < self._next_scratch:
            return None
        used_mb = self._scratch.used_mb()
        self._next_scratch = monotonic() + _SCRATCH_INTERVAL_S
        if used_mb is None or used_mb <= self._limits.scratch_mb:
            return None
        return _breach(
            End.SCRATCH_FULL,
            "ScratchFull",
            f"it had written {used_mb:.0f} MB to its folder, the limit is {self._limits.scratch_mb} MB",
            "Write less, or remove files that are no longer needed.",
        )


def memory_of(pid: int | str) -> Memory:
    """Cheap; pages that processes share count for each."""
    numbers = _numbers(Path(f"/proc/{pid}/status"))
    return Memory(numbers.get("RssAnon", 0), numbers.get("RssShmem", 0), numbers.get("VmRSS", 0))


def _fair_memory_of(pid: int) -> Memory:
    """Each page is divided among those that share it. Slow: about a millisecond for each process."""
    numbers = _numbers(Path(f"/proc/{pid}/smaps_rollup"))
    if "Pss" not in numbers:
        return memory_of(pid)
    return Memory(numbers.get("Pss_Anon", 0), numbers.get("Pss_Shmem", 0), numbers["Pss"])


def _numbers(file: Path) -> dict[str, int]:
    numbers = {}
    with suppress(OSError):
        for line in file.read_text("ascii", "replace").splitlines():
            words = line.split()
            if len(words) == 3 and words[2] == "kB":  # noqa: PLR2004 - `VmRSS: 1234 kB`
                numbers[words[0].rstrip(":")] = int(words[1])
    return numbers


def _sum(memories: Iterable[Memory]) -> Memory:
    return sum(memories, Memory())


def _breach(end: End, kind: str, message: str, hint: str) -> Breach:
    return Breach(end, Failure(type=kind, message=message, hint=hint))
