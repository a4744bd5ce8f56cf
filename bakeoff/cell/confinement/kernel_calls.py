"""Calls to the kernel and to the C library for which Python has no function. Errors are OSError, as in `os`.

Also here: merging memory pages of this process into huge ones, which makes its forks faster, and giving back
pages of files that it needs no more.
"""

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_MM = 35
_PR_SET_MM_MAP = 14
_PR_SET_SECCOMP = 22
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1
_MS_NOSUID = 2
_MS_NODEV = 4
_MS_BIND = 4096
_MS_REC = 16384
_MS_PRIVATE = 1 << 18
_MNT_DETACH = 2
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_M_ARENA_MAX = -8
_LINE_BUFFERED = 1
_MADV_DONTNEED, _MADV_HUGEPAGE, _MADV_COLLAPSE = 4, 14, 25
_HUGE = 2 * 2**20  #: bytes of a huge page
_HEAP = 64 * 2**20  #: of address space: what is reserved at once
_LARGE = 32 * 2**20  #: as large an array has pages of its own, which go back with it: glibc's most
_NEVER = 2**31 - 1
_SMALL_PAD = 128 * 2**10  #: by how much the heap grows beyond what is asked: glibc's own default
_SECCOMP_MODE_FILTER = 2
_PAGE_KB = 4

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def call(name: str, *args: object) -> int:
    result = int(getattr(_libc, name)(*args))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(number: int, *args: object) -> int:
    return call("syscall", ctypes.c_long(number), *args)


def _prctl(option: int, value: int) -> None:
    call("prctl", option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)


def die_with_parent(signal: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal)


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory(*, hidden: bool) -> None:
    """`hidden`: no other process of the same user can read the memory and environment of this one."""
    _prctl(_PR_SET_DUMPABLE, int(not hidden))


def forbid_new_privileges() -> None:
    """No program that this process executes gets more privileges. This cannot be undone."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def show_command(words: Sequence[str]) -> None:
    """Let `ps` and others see this command as that of this process, which was forked from another one."""
    text = b"".join(word.encode() + b"\0" for word in words)
    shown = ctypes.create_string_buffer(text, len(text))
    stat = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    fields = [0, 0, 0, 0, *map(int, stat[1:])]  # numbered as in proc(5)
    first = ctypes.addressof(shown)
    _libc.sbrk.restype = ctypes.c_uint64
    places = (
        *fields[26:28],
        *fields[45:48],
        _libc.sbrk(0),
        fields[28],
        first,
        first + len(text),
        *fields[50:52],
    )
    layout = struct.pack("=12QIi", *places, 0, 0, -1)
    call(
        "prctl",
        _PR_SET_MM,
        ctypes.c_ulong(_PR_SET_MM_MAP),
        layout,
        ctypes.c_ulong(len(layout)),
        ctypes.c_ulong(0),
    )
    _shown[:] = [shown]


_shown: list[object] = []  #: the memory that the kernel reads the command from


def filter_calls(program: object) -> None:
    """Install a seccomp filter, a program in the kernel's BPF. This cannot be undone."""
    call("prctl", _PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), program, *[ctypes.c_ulong(0)] * 2)


def drop_privileges() -> None:
    """Give up every capability. This cannot be undone."""
    forbid_new_privileges()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())


def limit_arenas(number: int) -> None:
    """Limit the heaps of malloc: each reserves 64 MB of address space, which a cell has a limit on."""
    _libc.mallopt(_M_ARENA_MAX, number)


def heap_of_huge_pages() -> None:
    """Reserve a heap of huge pages, from which malloc takes memory, and where it keeps what is freed.

    A new process touches each page for the first time: small ones are thousands of faults in the kernel for a
    few megabytes of data. Nothing is touched here, so a process that needs little has no more memory than it
    needs, rounded up to a huge page. Without the functions of glibc, or such pages, all stays as it was.
    """
    with suppress(AttributeError, OSError):
        _libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)  # smaller arrays are taken from the heap
        _libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)
        _libc.mallopt(_M_TOP_PAD, _HEAP - _LARGE // 2)
        _libc.sbrk.restype = _libc.malloc.restype = ctypes.c_void_p
        reserved = ctypes.c_void_p(_libc.malloc(ctypes.c_size_t(_LARGE // 2)))
        start, end = reserved.value or 0, _libc.sbrk(ctypes.c_ssize_t(0))
        _libc.free(reserved)
        _libc.mallopt(_M_TOP_PAD, _SMALL_PAD)
        first = -(-start // _HUGE) * _HUGE
        if 0 < end - first <= 2 * _HEAP:  # else it came from elsewhere, as where the heap may not grow
            call("madvise", ctypes.c_void_p(first), ctypes.c_size_t(end - first), _MADV_HUGEPAGE)


def return_free_memory() -> None:
    """Give the kernel back what malloc keeps for later, where the C library can do that."""
    with suppress(AttributeError):
        _libc.malloc_trim(ctypes.c_size_t(0))


def environment() -> list[bytes]:
    """The environment as the C library has it: compiled code may change it without Python's knowledge."""
    found: list[bytes] = []
    entries = ctypes.POINTER(ctypes.c_char_p).in_dll(_libc, "environ")
    while entries and (entry := entries[len(found)]) is not None:
        found.append(entry)
    return found


def buffer_lines() -> None:
    """Buffer stdout of C code by lines, so that its output is in the log even if the process is killed."""
    _libc.setvbuf(_stdout(), None, _LINE_BUFFERED, ctypes.c_size_t(0))


def flush() -> None:
    """Write what C code has printed and the C library still buffers."""
    _libc.fflush(_stdout())


def _stdout() -> ctypes.c_void_p:
    return ctypes.c_void_p.in_dll(_libc, "stdout")


def merge_pages(address: int, length: int) -> None:
    """Merge these pages into huge ones at once, instead of in the background (Linux 6.1)."""
    call("madvise", ctypes.c_void_p(address), ctypes.c_size_t(length), _MADV_COLLAPSE)


def unshare(flags: int) -> None:
    call("unshare", flags)


def make_mounts_private() -> None:
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)


def mount_tmpfs(path: str, size_kb: int) -> None:
    """Mount a tmpfs. The number of files is limited, too, since the kernel needs memory for empty ones."""
    room = f"size={size_kb}k,nr_inodes={size_kb // _PAGE_KB},mode=700"
    _mount("tmpfs", path, "tmpfs", _MS_NOSUID | _MS_NODEV, room)


def bind(source: str, target: str) -> None:
    _mount(source, target, None, _MS_BIND)


def unmount(path: str) -> None:
    call("umount2", path.encode(), _MNT_DETACH)


def make_read_only(path: str) -> None:
    """Make the mount at this path read-only, and all mounts below it."""
    _set_mount(path, _AT_RECURSIVE, _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))


def make_writable(path: str) -> None:
    _set_mount(path, 0, _MountAttributes(attr_clr=_MOUNT_ATTR_RDONLY))


def _set_mount(path: str, flags: int, attributes: _MountAttributes) -> None:
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [text if text is None else text.encode() for text in (source, target, kind, options)]
    call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3])


_WITH_NAME = 6  # words in a line of /proc/self/maps
_ENTRY = 8  #: bytes for each page in the page table, of which the highest bit says that it is in memory
_PAGES_OF_HUGE = _HUGE // mmap.PAGESIZE
_PRESENT = int.from_bytes((1 << 63).to_bytes(_ENTRY, sys.byteorder) * _PAGES_OF_HUGE, sys.byteorder)


def merge_written_pages() -> None:
    """Merge the pages that this process has written to so far, wherever two megabytes of them lie together.

    A fork copies the table of pages, and each exit takes it apart again: with fewer pages both are faster.
    Where most pages were never written to, nothing is merged: a huge page would take memory for all of them.
    """
    with suppress(OSError), Path("/proc/self/pagemap").open("rb", buffering=0) as table:
        for start, end in _anonymous():
            first = -(-start // _HUGE) * _HUGE
            for address in range(first, end - _HUGE + 1, _HUGE):
                if _pages_in_memory(table, address) * 2 > _PAGES_OF_HUGE:
                    with suppress(OSError):
                        merge_pages(address, _HUGE)


def _pages_in_memory(table: BinaryIO, address: int) -> int:
    """Of those that one huge page from this address on would take the place of."""
    table.seek(address // mmap.PAGESIZE * _ENTRY)
    entries = table.read(_PAGES_OF_HUGE * _ENTRY)
    return (int.from_bytes(entries, sys.byteorder) & _PRESENT).bit_count()


def _anonymous() -> Iterator[tuple[int, int]]:
    for line in Path("/proc/self/maps").read_text("ascii", "replace").splitlines():
        words = line.split()
        if words[1].startswith("rw-p") and (len(words) < _WITH_NAME or words[5] == "[heap]"):
            yield _range(words[0])


def release_pages_of_files() -> None:
    """Give back the pages of files that this process only reads: mostly code that ran while it was loaded.

    The kernel keeps them in its cache while there is room, and maps each again when it is touched. A fork
    begins without them anyway. No other thread may load a library meanwhile.
    """
    for start, end in _only_read():
        with suppress(OSError):
            call("madvise", ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def _only_read() -> Iterator[tuple[int, int]]:
    """Maps of files without pages of their own. Relocated data are only read, too, but have such pages."""
    found: tuple[int, int] | None = None
    with Path("/proc/self/smaps").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if not words[0].endswith(":"):
                is_file = len(words) >= _WITH_NAME and words[5].startswith("/")
                found = _range(words[0]) if is_file and words[1] in {"r--p", "r-xp"} else None
            elif found and words[0] == "Anonymous:" and words[1] == "0":
                yield found


def _range(words: str) -> tuple[int, int]:
    start, _, end = words.partition("-")
    return int(start, 16), int(end, 16)
