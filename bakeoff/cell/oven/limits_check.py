"""What is looked at again and again while a cell runs, and what must not be exceeded."""

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
_HURRY_S = 0.02
_SLOW_S = 1.0
_CROWD = 16  # processes from which on the next look is soon: a fork bomb doubles within milliseconds
_FEW = 8  # processes whose memory is weighed even if it is not in question
_UNREST_S = 5.0
_KB = 1024


@dataclass(frozen=True)
class Breach:
    end: End
    failure: Failure


class Pace:
    """Something is to be done this often; the first time is one interval from now."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next = monotonic() + interval_s

    @property
    def due_s(self) -> float:
        return max(0.0, self._next - monotonic())

    def comes(self) -> bool:
        """Whether it is time; then the next time is one interval away."""
        if self.due_s > 0:
            return False
        self._next = monotonic() + self._interval_s
        return True


class LimitsCheck:
    def __init__(self, limits: Limits, scratch: Scratch, inherited: ProcessMemory) -> None:
        self._limits = limits
        self._scratch = scratch
        self._inherited = inherited
        self._look = Pace(_INTERVAL_S)
        self._measure, self._weigh, self._search = Pace(_INTERVAL_S), Pace(_SLOW_S), Pace(_SLOW_S)
        self._seen: set[int] = set()
        self._calm_at = monotonic()
        self.peak_mb = 0.0

    @property
    def due_s(self) -> float:
        return self._look.due_s

    def look(self) -> Breach | None:
        some = self._limits.processes + 1  # whoever counts all of a bomb is still counting when it goes off
        threads = dict(islice(process_tree.descendants(os.getpid()), some))
        pids = list(threads)
        self._look = Pace(_INTERVAL_S if len(pids) < _CROWD else _HURRY_S)
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
        used = self._used(pids) if self._measure.comes() else None
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
        """None if it is not known now: what several processes share takes long to find out."""
        used = process_tree.total(pids)
        if len(pids) <= 1:
            return used
        exceeds = self._exceeds(used)
        weighs = (len(pids) <= _FEW or exceeds) and self._may_weigh(set(pids), urgent=exceeds)
        return process_tree.fair_total(pids) if weighs and self._weigh.comes() else None

    def _may_weigh(self, pids: set[int], *, urgent: bool) -> bool:
        """Who forks holds a lock that weighing waits for: a bomb would have gone off meanwhile."""
        is_calm, self._seen = pids == self._seen, pids
        if is_calm:
            self._calm_at = monotonic()
        return is_calm or (urgent and monotonic() > self._calm_at + _UNREST_S)

    def _added_kb(self, used: ProcessMemory) -> int:
        """Beside what came with the fork. A page that several processes have changed counts for each."""
        mapped_kb = self._limits.mapped_bytes // _KB
        return max(0, used.anonymous - self._inherited.anonymous) + max(0, used.shared - mapped_kb)

    def _exceeds(self, used: ProcessMemory) -> bool:
        limit_mb = self._limits.memory_mb
        return limit_mb is not None and self._added_kb(used) > limit_mb * _KB

    def _folder(self) -> Breach | None:
        used_mb = self._scratch.used_mb() if self._search.comes() else None
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
