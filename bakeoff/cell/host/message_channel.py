"""JSON messages and file descriptors over a Unix socket. Each message is preceded by its length."""

import json
import select
import socket
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

_LENGTH_BYTES = 4
_LONGEST = 256 * 2**20
_MOST_DESCRIPTORS = 200  # the kernel takes 253 at once


class HangupError(Exception):
    """The other side closed the connection, or broke the protocol."""


class MessageChannel:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()
        self._descriptors: list[int] = []
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        data = json.dumps(message).encode()
        frame = len(data).to_bytes(_LENGTH_BYTES, "big") + data
        try:
            sent = socket.send_fds(self._socket, [frame], descriptors)
            self._socket.sendall(frame[sent:])
        except OSError as error:
            raise HangupError(f"cannot send: {error}") from error

    def receive(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next message; None if it has not come in time."""
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while (message := self._next()) is None:
            left_s = None if deadline is None else max(0.0, deadline - monotonic())
            if not self._poll.poll(None if left_s is None else left_s * 1000):
                return None
            self._fill()
        return message

    def take_descriptors(self) -> list[int]:
        """The descriptors that came with the messages so far; they are the caller's from now on."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def _fill(self) -> None:
        flags = socket.MSG_CMSG_CLOEXEC
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 2**16, _MOST_DESCRIPTORS, flags)
        except OSError as error:
            raise HangupError(f"cannot receive: {error}") from error
        self._descriptors += descriptors
        if not data:
            raise HangupError("the other side closed the connection")
        self._buffer += data

    def _next(self) -> dict[str, Any] | None:
        if len(self._buffer) < _LENGTH_BYTES:
            return None
        end = _LENGTH_BYTES + int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
        if end > _LONGEST:
            raise HangupError(f"a message of {end} bytes is announced, the longest is {_LONGEST}")
        if len(self._buffer) < end:
            return None
        data = bytes(self._buffer[_LENGTH_BYTES:end])
        del self._buffer[:end]
        message: dict[str, Any] = json.loads(data)
        return message
