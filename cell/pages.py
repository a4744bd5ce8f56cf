"""Fewer and larger pages: a fork copies the page table, and each exit takes it apart again."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cell import libc

_HUGE = 2 * 2**20
_WITH_NAME = 6  # words in a line of /proc/self/maps


def merge() -> None:
    """What this process has written to so far, wherever two megabytes of it lie together."""
    for start, end in _anonymous():
        first = -(-start // _HUGE) * _HUGE
        for address in range(first, end - _HUGE + 1, _HUGE):
            with suppress(OSError):
                libc.merge_pages(address, _HUGE)


def _anonymous() -> Iterator[tuple[int, int]]:
    for line in Path("/proc/self/maps").read_text("ascii", "replace").splitlines():
        words = line.split()
        if words[1].startswith("rw-p") and (len(words) < _WITH_NAME or words[5] == "[heap]"):
            start, _, end = words[0].partition("-")
            yield int(start, 16), int(end, 16)
