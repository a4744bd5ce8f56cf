"""How much memory processes hold, as the kernel counts it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_WORDS = 3  # of a line such as `VmRSS: 1234 kB`


@dataclass(frozen=True)
class Memory:
    """In KiB."""

    anonymous: int = 0
    shared: int = 0  #: /dev/shm, tmpfs, anonymous mappings that are shared
    resident: int = 0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(
            self.anonymous + other.anonymous, self.shared + other.shared, self.resident + other.resident
        )


def of(pid: int | str) -> Memory:
    numbers = _numbers(Path(f"/proc/{pid}/status"))
    return Memory(numbers.get("RssAnon", 0), numbers.get("RssShmem", 0), numbers.get("VmRSS", 0))


def total(pids: Iterable[int]) -> Memory:
    """Pages that processes share count for each, so that it is at least what they hold."""
    return sum(map(of, pids), Memory())


def fair_total(pids: Iterable[int]) -> Memory:
    """Pages that processes share are divided among them. It takes milliseconds each, and waits for forks."""
    return sum(map(_fair, pids), Memory())


def _fair(pid: int) -> Memory:
    numbers = _numbers(Path(f"/proc/{pid}/smaps_rollup"))
    if "Pss" not in numbers:
        return of(pid)
    return Memory(numbers.get("Pss_Anon", 0), numbers.get("Pss_Shmem", 0), numbers["Pss"])


def _numbers(file: Path) -> dict[str, int]:
    numbers = {}
    with suppress(OSError):
        for line in file.read_text("ascii", "replace").splitlines():
            words = line.split()
            if len(words) == _WORDS and words[2] == "kB":
                numbers[words[0].rstrip(":")] = int(words[1])
    return numbers
