"""The limits that are checked again and again while a cell runs: processes, memory, files."""

import os
from dataclasses import dataclass
from itertools import islice
from time import monotonic

from bakeoff.cell.confinement.scratch_folder import Scratch
from bakeoff.cell.host.cell_order import Limits
from bakeoff.cell.host.cell_outcome import End, Failure
from bakeoff.cell.oven import process_tree
from bakeoff.cell.oven.process_tree import ProcessMemory

_INTERVAL_S = 0.25
_CROWDED_INTERVAL_S = 0.02
_SLOW_INTERVAL_S = 1.0
_CROWD = 16  # from so many processes on, checks are frequent: a fork bomb doubles within milliseconds
_FEW = 8  # of up to so many processes, shared memory is divided among them in any case
_UNREST_S = 5.0  # if processes come and go for longer than this, memory is divided all the same
_KB = 1024


@dataclass(frozen=True)
class Breach:
    end: End
    failure: Failure


class _Interval:
    """Says when something is due again; the first time is one interval from now."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next = monotonic() + interval_s

    @property
    def due_s(self) -> float:
        return max(0.0, self._next - monotonic())

    def is_over(self) -> bool:
        """Whether it is time; if so, the next interval begins now."""
        if self.due_s > 0:
            return False
        self._next = monotonic() + self._interval_s
        return True


class LimitsCheck:
    def __init__(self, limits: Limits, scratch: Scratch, inherited: ProcessMemory) -> None:
        self._limits = limits
        self._scratch = scratch
        self._inherited = inherited
        self._look = _Interval(_INTERVAL_S)
        self._sum = _Interval(_INTERVAL_S)
        self._divide = _Interval(_SLOW_INTERVAL_S)
        self._search = _Interval(_SLOW_INTERVAL_S)
        self._seen: set[int] = set()
        self._calm_at = monotonic()
        self.peak_mb = 0.0

    @property
    def due_s(self) -> float:
        return self._look.due_s

    def look(self) -> Breach | None:
        """The limit that is exceeded, if one is."""
        # The count stops above the limit: a fork bomb grows faster than it can be counted.
        some = self._limits.processes + 1
        threads = dict(islice(process_tree.descendants(os.getpid()), some))
        pids = list(threads)
        self._look = _Interval(_INTERVAL_S if len(pids) < _CROWD else _CROWDED_INTERVAL_S)
        return self._count(len(pids), sum(threads.values())) or self._memory(pids) or self._folder()

    def _count(self, processes: int, threads: int) -> Breach | None:
        limits = self._limits
        if processes <= limits.processes and threads <= limits.all_threads:
            return None
        return _breach(
            End.TOO_MANY_PROCESSES,
            "TooManyProcesses",
            f"it had {processes} processes or more with {threads} threads, "
            f"the most are {limits.processes} and {limits.all_threads}",
            "Start fewer of them, and wait for those that end.",
        )

    def _memory(self, pids: list[int]) -> Breach | None:
        used = self._used(pids) if self._sum.is_over() else None
        if used is None:
            return None
        self.peak_mb = max(self.peak_mb, used.resident / _KB)
        if not self._exceeds(used):
            return None
        return _breach(
            End.MEMORY,
            "MemoryLimit",
            f"it had added {self._added_kb(used) // _KB} MB, its limit is {self._limits.memory_mb} MB",
            "Raise the memory limit of this candidate, or let it use less memory.",
        )

    def _used(self, pids: list[int]) -> ProcessMemory | None:
        """The memory of the processes. None if it is not known now: dividing shared memory takes long."""
        used = process_tree.total(pids)
        if len(pids) <= 1:
            return used
        exceeds = self._exceeds(used)
        divides = (len(pids) <= _FEW or exceeds) and self._may_divide(set(pids), urgent=exceeds)
        return process_tree.fair_total(pids) if divides and self._divide.is_over() else None

    def _may_divide(self, pids: set[int], *, urgent: bool) -> bool:
        """Whether shared memory may be divided now: not while processes come and go.

        Each fork holds a lock of the kernel that dividing waits for: a fork bomb would grow unseen meanwhile.
        """
        is_calm, self._seen = pids == self._seen, pids
        if is_calm:
            self._calm_at = monotonic()
        return is_calm or (urgent and monotonic() > self._calm_at + _UNREST_S)

    def _added_kb(self, used: ProcessMemory) -> int:
        """What was added since the fork. A page that several processes have changed counts for each."""
        mapped_kb = self._limits.mapped_bytes // _KB
        return max(0, used.anonymous - self._inherited.anonymous) + max(0, used.shared - mapped_kb)

    def _exceeds(self, used: ProcessMemory) -> bool:
        limit_mb = self._limits.memory_mb
        return limit_mb is not None and self._added_kb(used) > limit_mb * _KB

    def _folder(self) -> Breach | None:
        used_mb = self._scratch.used_mb() if self._search.is_over() else None
        if used_mb is None or used_mb <= self._limits.scratch_mb:
            return None
        return _breach(
            End.SCRATCH_FULL,
            "ScratchFull",
            f"it had written {used_mb:.0f} MB to its folder, the limit is {self._limits.scratch_mb} MB",
            "Write less, or remove files that are no longer needed.",
        )


def _breach(end: End, kind: str, message: str, hint: str) -> Breach:
    return Breach(end, Failure(type=kind, message=message, hint=hint))
