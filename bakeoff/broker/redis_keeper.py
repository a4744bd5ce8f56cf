"""The process that keeps a Redis server alive while some process uses it, and stops it afterwards.

`bakeoff.broker.embedded_redis` starts it, detached, as
`python -I -S redis_keeper.py FOLDER SOCKET REDIS-SERVER DESCRIPTOR`. It imports little, because it stays in
memory. Locks (flock) in the folder show which processes are alive, and pids do not: the kernel releases a
lock when its owner dies, for whatever reason.

    keeper.lock   exclusive: this process; its starter takes it and hands it over as the DESCRIPTOR
    server.lock   exclusive: the Redis server, through exec; its pid stands in the file
    users.lock    shared: each user; exclusive: this process, from its decision to stop until its end
"""

import contextlib
import fcntl
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

KEEPER_LOCK = "keeper.lock"
SERVER_LOCK = "server.lock"
USERS_LOCK = "users.lock"
LOG = "redis.log"

GRACE_S = 2.0  # without users; two commands in a row share one server
_LOOK_S = 0.5  # at the lock of the users, once they have left, and at a server that has just started
_LOOK_IN_USE_S = 1.5
_STOP_S = 3.0  # a server that needs longer for its last fsync is killed
_BIND_S = 3.0  # until the socket of a new server must be there
_EARLY_S = 1.0  # a server that ended so soon may have refused to start
_EARLY_ENDS = 3  # in a row: there is no point in another start
_EARLY_WITHIN_S = 10.0  # more than so many early ends and the pauses between them can take


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class RedisServer:
    """One redis-server, the leader of a process group of its own."""

    def __init__(self, folder: Path, socket: Path, executable: str) -> None:
        self._socket = socket
        self.is_bound = False
        self._has_ended = False
        self._started = time.monotonic()
        lock = _lock_when_the_former_is_gone(folder / SERVER_LOCK)
        keeper = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _become(_command(folder, socket, executable), lock, keeper)
        with contextlib.suppress(OSError):  # it has ended already
            os.setpgid(self._pid, self._pid)
        os.close(lock)

    def has_ended(self) -> bool:
        self._has_ended = self._has_ended or os.waitpid(self._pid, os.WNOHANG)[0] != 0
        return self._has_ended

    def ended_early(self) -> bool:
        return self._age_s() < _EARLY_S

    def lost_its_socket(self) -> bool:
        """Whether its socket was removed, as cleaners of temporary folders do. No client reaches it then."""
        is_there = self._socket.exists()
        self.is_bound = self.is_bound or is_there or self._age_s() > _BIND_S
        return self.is_bound and not is_there

    def _age_s(self) -> float:
        return time.monotonic() - self._started

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.kill_group()

    def kill_group(self) -> None:
        """Kill what is left of its process group: the server, and the child that rewrites its file."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        if not self._has_ended:
            os.waitpid(self._pid, 0)
            self._has_ended = True


def _lock_when_the_former_is_gone(path: Path) -> int:
    """Wait until the server of a keeper that was killed has ended; after a while, kill it.

    Its group still holds the lock, so its pid in the file cannot belong to another process by now.
    """
    lock = open_lock(path)
    deadline = time.monotonic() + _STOP_S
    while not try_lock(lock):
        leader = os.pread(lock, 20, 0)
        if leader and time.monotonic() > deadline:
            os.killpg(int(leader), signal.SIGKILL)
        time.sleep(0.01)
    os.ftruncate(lock, 0)
    return lock


def _become(command: list[str], lock: int, keeper: int) -> NoReturn:
    """In the forked child: execute the server, or end."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setpgid(0, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        os.set_inheritable(lock, True)
        _end_with(keeper)
        os.execv(command[0], command)  # noqa: S606 - our own fixed arguments
    except OSError as error:
        sys.stderr.write(f"{command[0]} does not start: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(1)


def _end_with(keeper: int) -> None:
    """Have the kernel end this process when the keeper dies: no server stays without a keeper (Linux)."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != keeper:
        os._exit(1)


def _command(folder: Path, socket: Path, executable: str) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / "redis.pid"),
        "logfile": str(folder / LOG),
        "loglevel": "notice",
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "maxmemory-policy": "noeviction",
        "hz": "2",  # how often it wakes while nobody asks; not less, because it ends at such a moment
    }
    return [executable, *(word for name, value in options.items() for word in (f"--{name}", value))]


class Users:
    def __init__(self, folder: Path) -> None:
        self._lock = open_lock(folder / USERS_LOCK)
        self._away_since = time.monotonic()  # the first look that found none
        self.are_there = False  # at the last look

    def have_left(self) -> bool:
        """Whether no user came within the grace period. If so, new users wait until this process ends."""
        were_there, self.are_there = self.are_there, not try_lock(self._lock)
        if self.are_there:
            return False
        if were_there:
            self._away_since = time.monotonic()
        if time.monotonic() - self._away_since >= GRACE_S:
            return True
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        return False


class Signals:
    """SIGCHLD ends a wait early; SIGTERM and SIGINT also ask this process to stop."""

    def __init__(self) -> None:
        self.ask_to_stop = False
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, *_: object) -> None:
        self.ask_to_stop = True

    def wait(self, seconds: float) -> None:
        if select.select([self._pipe], [], [], seconds)[0]:
            os.read(self._pipe, 4096)


class Keeper:
    def __init__(self, folder: Path, socket: Path, executable: str, lock: int) -> None:
        self._folder = folder
        self._socket = socket
        self._executable = executable
        self._lock = lock
        self._users = Users(folder)
        self._signals = Signals()

    def run(self) -> None:
        from bakeoff.domain.machine.restart_policy import RestartPolicy

        restarts = RestartPolicy(
            most=_EARLY_ENDS, within_s=_EARLY_WITHIN_S, pause_s=lambda recent: 0.1 * recent
        )
        while not restarts.is_hopeless:
            server = RedisServer(self._folder, self._socket, self._executable)
            if not self._wants_another(server):
                return
            if server.ended_early():
                restarts.note_death()
            else:
                restarts.forget_deaths()
            self._signals.wait(restarts.pause_s)

    def _wants_another(self, server: RedisServer) -> bool:
        """Wait for the end of the server; True if it has to be started again."""
        while True:
            calm = self._users.are_there and server.is_bound
            self._signals.wait(_LOOK_IN_USE_S if calm else _LOOK_S)
            if server.has_ended() or self._folder_is_gone():
                server.kill_group()
                return not self._folder_is_gone()
            if server.lost_its_socket():
                server.stop()
                return True
            if self._signals.ask_to_stop or self._users.have_left():
                server.stop()
                return False

    def _folder_is_gone(self) -> bool:
        """Whether the folder was removed. The socket of a new folder belongs to another keeper."""
        try:
            return not os.path.samestat(os.fstat(self._lock), (self._folder / KEEPER_LOCK).stat())
        except OSError:
            return True


def main(folder: str, socket: str, executable: str, lock: str) -> None:
    if os.fork():
        os._exit(0)  # the starter waits for this process. The child is the keeper, and init will reap it
    os.set_inheritable(int(lock), False)
    os.umask(0o077)
    sys.path.append(str(Path(__file__).parents[2]))  # -I leaves our own packages out
    Keeper(Path(folder), Path(socket), executable, int(lock)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
