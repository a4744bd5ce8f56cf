"""Landlock: a process restricts which files it and its descendants can open. It needs no privileges for that.

Only what is granted can be opened, and a restriction cannot be lifted again. Landlock does not cover chmod,
stat, and sockets that are reached by a path.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from bakeoff.cell.confinement import kernel_calls

_SYS_CREATE_RULESET = 444
_SYS_ADD_RULE = 445
_SYS_RESTRICT_SELF = 446
_GET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_REFER = 1 << 13  # since ABI 2
_TRUNCATE = 1 << 14  # since ABI 3
_IOCTL_DEV = 1 << 15  # since ABI 5

_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

LIST = _READ_DIR
READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
WRITE = READ | _WRITE_FILE | _REMOVE_AND_MAKE | _REFER | _TRUNCATE
DEVICE = _READ_FILE | _WRITE_FILE

SIGNALS_SINCE = 6  #: the ABI from which on signals stay inside, too
_SCOPE_ABSTRACT_SOCKETS = 1
_SCOPE_SIGNALS = 2


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock in this kernel. 0: none. From 6 on it covers signals and abstract sockets."""
    try:
        return kernel_calls.syscall(
            _SYS_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_GET_VERSION)
        )
    except OSError:
        return 0


class Ruleset:
    """What can still be opened. A process enters it once; everything else is closed to it from then on."""

    def __init__(self, version: int) -> None:
        self._handled = _rights(version)
        scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= SIGNALS_SINCE else 0
        self._descriptor = _create(self._handled, scoped)

    def fileno(self) -> int:
        return self._descriptor

    def grant(self, grants: Iterable[tuple[str | Path, int]]) -> None:
        """Paths that do not exist are skipped."""
        for path, access in grants:
            _grant(self._descriptor, path, access & self._handled)

    def enter(self) -> None:
        _enter(self._descriptor)
        os.close(self._descriptor)


def keep_signals_inside() -> bool:
    """Let this process and its descendants signal only each other, if the kernel can do that."""
    if abi() < SIGNALS_SINCE:
        return False
    ruleset = _create(0, _SCOPE_SIGNALS)
    try:
        _enter(ruleset)
    finally:
        os.close(ruleset)
    return True


def _rights(version: int) -> int:
    rights = RUN | _WRITE_FILE | _REMOVE_AND_MAKE
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        rights |= right if version >= since else 0
    return rights


def _create(handled: int, scoped: int) -> int:
    attributes = _RulesetAttributes(handled_access_fs=handled, scoped=scoped)
    size = ctypes.sizeof(attributes) if scoped else ctypes.sizeof(ctypes.c_uint64)
    return kernel_calls.syscall(
        _SYS_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )


def _enter(ruleset: int) -> None:
    kernel_calls.forbid_new_privileges()  # the kernel insists on it
    kernel_calls.syscall(_SYS_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))


def _grant(ruleset: int, path: str | Path, access: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = access if os.path.isdir(f"/proc/self/fd/{beneath}") else access & _ON_FILES  # noqa: PTH112 - hot path
        if rights:
            rule = _PathBeneath(allowed_access=rights, parent_fd=beneath)
            kernel_calls.syscall(
                _SYS_ADD_RULE,
                ctypes.c_int(ruleset),
                ctypes.c_int(_RULE_PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint32(0),
            )
    finally:
        os.close(beneath)
