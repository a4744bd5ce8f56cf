"""The folder that a cell may write to: empty when it starts, limited in size, gone when it ends.

Where the kernel allows it (as root, or through a user namespace) a warm parent has its own view of the file
system: all of it read-only, except one small tmpfs that holds the scratch folder and /dev/shm.
Elsewhere it is an ordinary folder whose size is checked, and /dev/shm is that of all processes.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from bakeoff.cell.confinement import kernel_calls

_NOTHING_KB = 16
_BLOCK = 512
_PAGE_BLOCKS = 8
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the kernel's name, not a temporary file of ours


class Scratch(Protocol):
    folder: Path

    def clear(self, size_mb: int) -> None:
        """Empty the folder, and limit its size from now on."""

    def is_empty(self) -> bool:
        """Whether a cell that can write to it left nothing there."""

    def used_mb(self) -> float | None:
        """The size of its files; None if the kernel limits the size, so that nobody has to look."""


class PrivateScratch:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._size_mb = 0
        self.folder = root / "scratch"

    def clear(self, size_mb: int) -> None:
        if size_mb == self._size_mb and self.is_empty():
            return
        if self._size_mb:
            kernel_calls.unmount(_SHARED_MEMORY)
            kernel_calls.unmount(str(self._root))
        kernel_calls.mount_tmpfs(str(self._root), size_mb * 1024)
        shared_memory = self._root / "shm"
        shared_memory.mkdir()
        kernel_calls.bind(str(shared_memory), _SHARED_MEMORY)
        self.folder.mkdir()
        self._size_mb = size_mb

    def used_mb(self) -> None:
        return None

    def is_empty(self) -> bool:
        return _is_empty(self.folder) and _is_empty(Path(_SHARED_MEMORY))


class PlainScratch:
    def __init__(self, root: Path) -> None:
        self.folder = root / "scratch"

    def clear(self, size_mb: int) -> None:  # noqa: ARG002 - only LimitsCheck limits its size
        remove(self.folder)
        self.folder.mkdir()

    def is_empty(self) -> bool:
        return _is_empty(self.folder)

    def used_mb(self) -> float | None:
        """A file counts as one page at least, as in a tmpfs."""
        blocks = 0
        for folder, folders, files in os.walk(self.folder):
            blocks += len(folders) * _PAGE_BLOCKS
            for name in files:
                with suppress(OSError):
                    place = os.path.join(folder, name)  # noqa: PTH118 - many files
                    blocks += max(os.lstat(place).st_blocks, _PAGE_BLOCKS)
        return blocks * _BLOCK / 2**20


def _is_empty(folder: Path) -> bool:
    with suppress(OSError):
        return not any(os.scandir(folder))
    return False


def can_be_private() -> bool:
    """Whether a private view is possible. A forked child tries, since a failed attempt cannot be undone."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _enter_private_view()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0


def prepare(root: Path, *, private: bool, hidden: Iterable[str] = ()) -> Scratch:
    """Make the scratch folder of this process.

    The process must have a single thread, and must not open files outside the folder for writing later.
    `hidden`: folders that look empty in a private view, because Landlock does not close sockets.
    """
    root.mkdir()
    if not private:
        return PlainScratch(root)
    _enter_private_view()
    for folder in filter(os.path.isdir, hidden):
        kernel_calls.mount_tmpfs(folder, _NOTHING_KB)
    return PrivateScratch(root)


def remove(folder: Path) -> None:
    """Remove the folder. Untrusted code wrote there: folders may be closed, or nested too deep for Python."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _enter_private_view() -> None:
    _enter_namespace()
    kernel_calls.make_mounts_private()
    kernel_calls.make_read_only("/")
    kernel_calls.make_writable("/proc")


def _enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    try:
        kernel_calls.unshare(kernel_calls.CLONE_NEWNS)
    except PermissionError:
        kernel_calls.unshare(kernel_calls.CLONE_NEWUSER | kernel_calls.CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
