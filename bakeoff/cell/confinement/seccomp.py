"""Seccomp: a cell cannot change limits or priorities of other processes of the same user, nor use the network
if its order says so.

Landlock does not cover that, and a process could be killed by a limit as well as by a signal.
"""

import ctypes
import errno
import platform
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from bakeoff.cell.confinement import kernel_calls

_MACHINE, _ARCHITECTURE = "x86_64", 0xC000003E
_OTHER_NUMBERS = 0x40000000  # from here on the same calls once more, for programs of the x32 kind

_LOAD = 0x20  # a 32-bit word of struct seccomp_data
_KEEP_BITS = 0x54
_IF_EQUAL = 0x15
_IF_AT_LEAST = 0x35
_RETURN = 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM

#: By number of the call: what its arguments must be, so that it means the caller itself.
_ITSELF: Mapping[int, Mapping[int, int]] = {
    302: {0: 0},  # prlimit64
    141: {0: 0, 1: 0},  # setpriority
    142: {0: 0},  # sched_setparam
    144: {0: 0},  # sched_setscheduler
    314: {0: 0},  # sched_setattr
    251: {0: 1, 1: 0},  # ioprio_set
}

#: Without network there are sockets for processes of the cell alone: pairs, and those of Unix without a peer.
#: Only streams: a socket for datagrams sends to any other one of the machine without a connect.
_CONNECT, _IO_URING_SETUP = 42, 425
_OFFLINE: Mapping[int, Mapping[int, int]] = {
    41: {0: socket.AF_UNIX, 1: socket.SOCK_STREAM},  # socket
    53: {1: socket.SOCK_STREAM},  # socketpair
}
_SOCKET_FLAGS = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK  # given with the kind of a socket

_Step = tuple[int, int, int, int]  # operation, jump if true, jump if false, operand


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("operand", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Instruction)))


def protect_other_processes() -> None:
    """Restricts this process and its descendants. Does nothing where the kernel does not support it."""
    if platform.machine() == _MACHINE:
        with suppress(OSError):
            kernel_calls.filter_calls(ctypes.byref(_PROGRAM))


def close_network() -> None:
    """This process and its descendants can connect to nothing, and send to nothing outside.

    Does nothing where the kernel does not support it, and on other processors than x86-64: there the network
    stays open.
    """
    if platform.machine() == _MACHINE:
        with suppress(OSError):
            kernel_calls.filter_calls(ctypes.byref(_PROGRAM_OFFLINE))


def _steps(
    allowed: Mapping[int, Mapping[int, int]], *, refused: Iterable[int] = (), ignored_bits: int = 0
) -> Iterator[_Step]:
    refuse = (_RETURN, 0, 0, _REFUSE)
    yield from [(_LOAD, 0, 0, _AT_ARCHITECTURE), (_IF_EQUAL, 1, 0, _ARCHITECTURE), refuse]
    yield from [(_LOAD, 0, 0, _AT_NUMBER), (_IF_AT_LEAST, 0, 1, _OTHER_NUMBERS), refuse]
    for number in refused:
        yield from [(_IF_EQUAL, 0, 1, number), refuse]
    for number, demands in allowed.items():
        checks = [step for place, value in demands.items() for step in _demand(place, value, ignored_bits)]
        yield from [(_IF_EQUAL, 0, len(checks) + 1, number), *checks, (_RETURN, 0, 0, _ALLOW)]
    yield _RETURN, 0, 0, _ALLOW


def _demand(place: int, value: int, ignored_bits: int) -> list[_Step]:
    return [
        (_LOAD, 0, 0, _AT_ARGUMENTS + 8 * place),
        (_KEEP_BITS, 0, 0, 0xFFFFFFFF & ~ignored_bits),
        (_IF_EQUAL, 1, 0, value),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _program(found: Iterable[_Step]) -> _Program:
    steps = [_Instruction(*step) for step in found]
    return _Program(len(steps), (_Instruction * len(steps))(*steps))


_PROGRAM = _program(_steps(_ITSELF))
_PROGRAM_OFFLINE = _program(_steps(_OFFLINE, refused=(_CONNECT, _IO_URING_SETUP), ignored_bits=_SOCKET_FLAGS))
