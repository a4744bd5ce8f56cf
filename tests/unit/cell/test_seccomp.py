"""What a process can do with sockets when its network is closed: tried in a child, as it stays closed."""

import json
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TRIES = """
import json, socket, sys
from bakeoff.cell.confinement import kernel_calls, seccomp

kernel_calls.forbid_new_privileges()
seccomp.close_network()
listener = sys.argv[1]


def send_from_a_pair():
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", listener)


def send_over_a_stream_pair():
    one, other = socket.socketpair()
    one.sendall(b"x")
    assert other.recv(1) == b"x"


def serve_a_stream():
    with socket.socket(socket.AF_UNIX) as server:
        server.setblocking(False)


TRIES = {
    "internet": lambda: socket.socket(socket.AF_INET),
    "connect": lambda: socket.socket(socket.AF_UNIX).connect(listener),
    "datagrams": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", listener),
    "datagrams of a pair": send_from_a_pair,
    "a pair": send_over_a_stream_pair,
    "a pair that does not block": lambda: socket.socketpair(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK),
    "a server": serve_a_stream,
}
refused = []
for name, act in TRIES.items():
    try:
        act()
    except PermissionError:
        refused.append(name)
print(json.dumps(refused))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter knows the calls of x86-64 alone")
def test_without_network_nothing_is_sent_to_another_process_and_pairs_still_work(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "listener"))
        listener.setblocking(False)

        said = subprocess.run(
            [sys.executable, "-c", TRIES, str(tmp_path / "listener")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

        assert json.loads(said) == ["internet", "connect", "datagrams", "datagrams of a pair"]
        with pytest.raises(BlockingIOError):
            listener.recv(1)
