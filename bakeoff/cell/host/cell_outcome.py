"""The outcome of an order: a value, or why there is none."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

FIRST_PHASE = "start"  #: until the entry names another one


class End(StrEnum):
    RETURNED = "returned"  #: the entry returned, its value and its outputs are there
    RAISED = "raised"  #: the entry raised an exception
    EXITED = "exited"  #: sys.exit, os._exit, or another end without a report
    SIGNALLED = "signalled"  #: it was killed by a signal that we did not send
    TIMED_OUT = "timed_out"  #: it ran longer than wall_s
    MEMORY = "memory"  #: a MemoryError, or more memory than memory_mb
    SCRATCH_FULL = "scratch_full"  #: more files than scratch_mb
    NO_ROOM = "no_room"  #: the disk that its outputs go to is full, which is no fault of the code in the cell
    TOO_MANY_PROCESSES = "too_many_processes"
    BAD_REPORT = "bad_report"  #: its report is malformed, so other code wrote to the descriptor of the report
    STOPPED = "stopped"  #: the supervisor stopped it
    LOST = "lost"  #: its warm parent died, which is no fault of the code in the cell


@dataclass(frozen=True, kw_only=True)
class Failure:
    type: str  #: exception class, signal name, or a word of ours such as `Timeout`
    message: str
    traceback: str = ""  #: from the first frame of the plugin's code
    hint: str = ""  #: what to do about it, where that is known


@dataclass(frozen=True, kw_only=True)
class CellUsage:
    wall_s: float = 0.0
    cpu_s: float = 0.0  #: user and system time of the cell and of all its descendants
    peak_memory_mb: float = 0.0  #: most resident memory, inherited libraries and mapped data included


@dataclass(frozen=True, kw_only=True)
class CellOutcome:
    end: End
    phase: str = FIRST_PHASE  #: the last one that the entry named
    value: Any | None = None  #: what the entry returned
    error: Failure | None = None  #: None if, and only if, it returned
    signal: int | None = None
    exit_code: int | None = None
    usage: CellUsage
    log_tail: str = ""  #: the last of what it printed
    lingered: bool = False  #: it was ended, because it did not end by itself after its report
    #: What it left in a cell that was to be shared, so that the cell ended with it; empty: nothing.
    left: tuple[str, ...] = ()
    log_gap: str = ""  #: that the log misses some of it, and why; empty: it is complete

    @property
    def end_of_log(self) -> str:
        """The last of what it printed, and what the log misses."""
        if not self.log_gap:
            return self.log_tail
        return "\n".join(filter(None, [self.log_tail.rstrip("\n"), f"[{self.log_gap}]"]))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        error = data["error"]
        return cls(
            **{
                **data,
                "end": End(data["end"]),
                "error": None if error is None else Failure(**error),
                "usage": CellUsage(**data["usage"]),
                "left": tuple(data["left"]),
            }
        )
