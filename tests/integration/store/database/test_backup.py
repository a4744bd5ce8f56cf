"""`bakeoff db backup` and `restore`: whole copies while others write, and nothing half-restored."""

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Project, a_mixed_run
from fixtures.projects.kitchen import names_in
from fixtures.projects.project import wait_for
from fixtures.servers import warm
from fixtures.servers.disk import a_small_disk, needs_a_mount
from fixtures.servers.postgresql import Cluster
from fixtures.values.stored import a_stored_run

from bakeoff.store.bakeoffs import delete_old_runs
from bakeoff.store.database import backup, schema_version
from bakeoff.store.database.backup import back_up, read_backup
from bakeoff.store.database.engine_and_transactions import open_database

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def silent(_done: int, _total: int) -> None:
    pass


def database_of(project: Project) -> Path:
    return project.root / "data" / "bakeoff.db"


def ids(file: Path) -> set[str]:
    engine = open_database(f"sqlite:///{file}")
    found = delete_old_runs.run_ids(engine)
    engine.dispose()
    return found


@pytest.fixture
def many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_PAGES", 2)


@pytest.mark.usefixtures("many_steps")
def test_a_copy_is_as_of_one_moment_while_others_write(project: Project) -> None:
    for _ in range(20):
        a_mixed_run(project)
    done = threading.Event()
    written = []

    def write() -> None:
        while not done.is_set():
            written.append(a_stored_run(project.engine)[0].id)

    writers = [threading.Thread(target=write) for _ in range(2)]
    steps: list[tuple[int, int]] = []

    def watch(copied: int, total: int) -> None:
        before = len(written)
        if len(steps) < 10:
            wait_for(lambda: len(written) > before, "the next run")
        steps.append((copied, total))

    for writer in writers:
        writer.start()
    try:
        copy = back_up(project.engine, project.root / "copy.db", watch)
    finally:
        done.set()
        for writer in writers:
            writer.join()

    assert len(written) > 10
    assert 20 <= copy.runs < 20 + len(written)
    assert steps[-1][0] == steps[-1][1]
    assert len({total for _, total in steps}) == 1
    with closing(sqlite3.connect(copy.file)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        alone = "SELECT count(*) FROM evaluation_runs WHERE id NOT IN (SELECT run_id FROM evaluation_jobs)"
        assert connection.execute(alone).fetchone() == (0,)
    assert names_in(project.root) == ["config", "copy.db", "data"]


def test_a_backup_goes_to_its_own_folder_and_is_described(project: Project) -> None:
    a_mixed_run(project)

    said = project.bakeoff("db", "backup", "--json")

    record = json.loads(said.stdout)
    [file] = (project.root / "data" / "backups").iterdir()
    assert record == {
        "file": str(file),
        "bytes": file.stat().st_size,
        "schema": schema_version.HEAD,
        "runs": 1,
    }
    assert file.match("bakeoff-20??????T??????Z.db")
    assert said.stderr == "copying the database\n"


def test_a_person_is_told_where_it_is_and_how_large(project: Project) -> None:
    said = project.bakeoff("db", "backup", "copy.db")

    size = (project.root / "copy.db").stat().st_size
    assert said.stdout == f"copy.db: {size / 1e6:.1f} MB, 0 runs\n"


def test_a_file_that_is_there_is_replaced_only_when_it_is_asked_for(project: Project) -> None:
    (project.root / "copy.db").write_text("mine")

    refused = project.bakeoff("db", "backup", "copy.db")
    assert refused.exit_code == 2
    assert "copy.db exists: name another file, or replace it with --force" in refused.stderr
    assert (project.root / "copy.db").read_text() == "mine"
    assert project.bakeoff("db", "backup", "copy.db", "--force").exit_code == 0
    assert read_backup(project.root / "copy.db").runs == 0


def test_the_database_itself_is_never_replaced_by_its_copy(project: Project) -> None:
    (project.root / "link.db").symlink_to(database_of(project))

    for file in ("data/bakeoff.db", "link.db"):
        said = project.bakeoff("db", "backup", file, "--force")
        assert said.exit_code == 2
        assert f"{file} is the database itself: name another file" in said.stderr


def test_a_backup_replaces_neither_a_folder_nor_what_is_no_file(project: Project) -> None:
    (project.root / "folder").mkdir()
    os.mkfifo(project.root / "pipe")

    for name in ("folder", "pipe"):
        said = project.bakeoff("db", "backup", name, "--force")
        assert said.exit_code == 2
        assert f"{name} is no file that could be written: name another one" in said.stderr
    assert (project.root / "pipe").is_fifo()
    assert names_in(project.root / "folder") == []


def test_a_backup_needs_a_database(project: Project) -> None:
    project.engine.dispose()
    database_of(project).unlink()

    said = project.bakeoff("db", "backup")

    assert said.exit_code == 2
    assert f"there is no database {database_of(project)} yet" in said.stderr
    assert names_in(project.root / "data") == []


@needs_a_mount
def test_a_backup_for_which_there_is_no_room_names_the_folder_and_leaves_nothing(project: Project) -> None:
    with a_small_disk(project.root / "small", 1) as disk:
        disk.fill()
        said = project.bakeoff("db", "backup", "small/copy.db")
        left = names_in(project.root / "small")

    assert said.exit_code == 4
    assert said.stderr.endswith(
        f"error: {project.root}/small/copy.db cannot be written: database or disk is full; "
        f"0 MB are free in {project.root}/small\n"
    )
    assert left == ["filler"]


#: Is killed when so many pages are copied.
KILLED = """
import os, signal, sys
from pathlib import Path
from bakeoff.store.database import backup
from bakeoff.store.database.engine_and_transactions import open_database

def die(done, total):
    if done >= 10:
        os.kill(os.getpid(), signal.SIGKILL)

backup._PAGES = 5
engine, file = open_database(sys.argv[2]), Path(sys.argv[3])
if sys.argv[1] == "backup":
    backup.back_up(engine, file, die)
else:
    backup.restore(engine, file, Path(sys.argv[4]), die)
"""


def kill(project: Project, *arguments: str) -> None:
    command = [
        sys.executable,
        "-c",
        KILLED,
        arguments[0],
        f"sqlite:///{database_of(project)}",
        *arguments[1:],
    ]
    assert warm.run(command, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(project: Project) -> None:
    a_mixed_run(project)
    kill(project, "backup", str(project.root / "copy.db"))

    assert not (project.root / "copy.db").exists()
    assert len(list(project.root.glob(".copy.db.*.part"))) == 1
    assert project.bakeoff("db", "backup", "copy.db").exit_code == 0


@pytest.fixture
def saved(project: Project) -> Path:
    """A copy with one run; the database has another one now."""
    a_mixed_run(project, id="a" * 8 + "-0000-4000-8000-000000000000")
    file = project.root / "copy.db"
    back_up(project.engine, file, silent)
    with project.engine.begin() as connection:
        for column in delete_old_runs._ROWS:
            connection.execute(column.table.delete())
    a_mixed_run(project, id="b" * 8 + "-0000-4000-8000-000000000000")
    project.engine.dispose()
    return file


A, B = {"aaaaaaaa-0000-4000-8000-000000000000"}, {"bbbbbbbb-0000-4000-8000-000000000000"}


def test_a_copy_is_put_back_and_what_was_there_before_is_kept_beside_it(
    project: Project, saved: Path
) -> None:
    said = project.bakeoff("db", "restore", "copy.db", "--json")

    record = json.loads(said.stdout)
    former = Path(record["former"])
    assert said.exit_code == 0, said.stderr
    assert former.parent == project.root / "data"
    assert former.match("bakeoff-before-20??????T??????Z.db")
    assert (record["runs"], record["needsUpgrade"]) == (1, False)
    assert ids(database_of(project)) == A
    assert ids(former) == B
    assert ids(saved) == A
    assert project.bakeoff("db", "restore", str(former)).exit_code == 0
    assert ids(database_of(project)) == B


def test_a_person_is_told_what_was_put_back_and_how_to_go_on(project: Project, saved: Path) -> None:
    lines = project.bakeoff("db", "restore", "copy.db").stdout.splitlines()

    assert lines[0] == "restored 1 run from copy.db"
    assert lines[1].startswith(f"the database from before is kept as {project.root}/data/bakeoff-before-")
    assert lines[2] == "next: `bakeoff worker` goes on with the runs that had not ended"


def test_a_copy_of_an_older_schema_is_put_back_and_has_to_be_upgraded(
    project: Project, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_version, "HEAD", "0999")

    assert project.bakeoff("db", "restore", "copy.db").stdout.endswith("next: `bakeoff db upgrade`\n")


def test_a_restore_that_is_killed_leaves_what_was_there(project: Project, saved: Path) -> None:
    former = project.root / "former.db"
    kill(project, "restore", str(saved), str(former))

    assert ids(database_of(project)) == B
    assert ids(former) == B
    assert project.bakeoff("db", "restore", "copy.db").exit_code == 0
    assert ids(database_of(project)) == A


def spoil(file: Path) -> None:
    """Somewhere in the middle."""
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 12] = b"\xff" * (4096 * 9)
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def scribble(file: Path) -> None:
    file.write_bytes(b"no database at all " * 500)


def another(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num)")


def unfinished(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.commit()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (spoil, "database disk image is malformed"),
        (empty, "no such table: alembic_version"),
        (scribble, "file is not a database"),
        (another, "no such table: evaluation_runs"),
        (unfinished, "it has no schema"),
    ],
)
def test_what_is_no_whole_database_of_ours_is_not_put_back(
    project: Project, saved: Path, change, said
) -> None:
    change(saved)

    refused = project.bakeoff("db", "restore", "copy.db")

    assert refused.exit_code == 2
    assert f"{saved} is no whole database of Bakeoff's: " in refused.stderr
    assert said in refused.stderr or "*** in database main ***" in refused.stderr
    assert ids(database_of(project)) == B
    assert [name for name in names_in(project.root / "data") if "before" in name] == []


def test_a_copy_of_a_later_version_is_not_put_back(project: Project, saved: Path) -> None:
    with closing(sqlite3.connect(saved)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    refused = project.bakeoff("db", "restore", "copy.db")

    assert refused.exit_code == 2
    assert f"{saved} has schema 9999, which is newer than this version of Bakeoff knows" in refused.stderr
    assert ids(database_of(project)) == B


def test_a_file_that_is_not_there_cannot_be_put_back(project: Project) -> None:
    refused = project.bakeoff("db", "restore", "gone.db")

    assert (refused.exit_code, f"there is no file {project.root}/gone.db" in refused.stderr) == (2, True)


def test_the_database_cannot_be_put_into_its_own_place(project: Project, saved: Path) -> None:
    refused = project.bakeoff("db", "restore", "data/bakeoff.db")

    assert refused.exit_code == 2
    assert "data/bakeoff.db is the database itself: name a copy of it" in refused.stderr
    assert ids(database_of(project)) == B


HOLDER = """
import sys
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.database.engine_and_transactions import open_database
run_rows.page(open_database(sys.argv[1]), limit=1)
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def somebody_else(url: str) -> Iterator[int]:
    """Has asked something, and keeps its connection; their process."""
    command = [sys.executable, "-c", HOLDER, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with warm.Popen(command, env=ENVIRONMENT, **pipes) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "open\n"
        yield holder.pid
        holder.stdin.close()


def test_nothing_is_put_back_while_somebody_has_the_database_open(project: Project, saved: Path) -> None:
    with somebody_else(f"sqlite:///{database_of(project)}") as pid:
        refused = project.bakeoff("db", "restore", "copy.db")
        assert refused.exit_code == 4
        assert f"the database {database_of(project)} is in use by process {pid} (python" in refused.stderr
        assert "stop the workers and whatever else uses it, then try again" in refused.stderr
    assert ids(database_of(project)) == B
    assert project.bakeoff("db", "restore", "copy.db").exit_code == 0


@pytest.mark.parametrize("change", [spoil, scribble])
def test_a_broken_database_is_set_aside_as_it_is(project: Project, saved: Path, change) -> None:
    change(database_of(project))
    broken = database_of(project).read_bytes()

    record = json.loads(project.bakeoff("db", "restore", "copy.db", "--json").stdout)

    assert Path(record["former"]).read_bytes()[100:] == broken[100:]  # behind its header
    assert ids(database_of(project)) == A


def test_the_log_of_a_database_that_is_gone_does_not_come_to_lie_beside_the_copy(
    project: Project, saved: Path
) -> None:
    database_of(project).unlink()
    log = database_of(project).with_name("bakeoff.db-wal")
    log.write_bytes(b"of another one")

    record = json.loads(project.bakeoff("db", "restore", "copy.db", "--json").stdout)

    assert record["former"] is None
    assert ids(database_of(project)) == A
    assert [path.read_bytes() for path in log.parent.glob("bakeoff-before-*-wal")] == [b"of another one"]


@needs_a_mount
def test_a_restore_for_which_there_is_no_room_leaves_what_was_there(project: Project, saved: Path) -> None:
    current = database_of(project).read_bytes()
    with a_small_disk(project.root / "data", 1) as disk:
        database_of(project).write_bytes(current)
        disk.fill()
        refused = project.bakeoff("db", "restore", "copy.db")
        disk.make_room()

        assert refused.exit_code == 4
        assert f"0 MB are free in {project.root}/data" in refused.stderr
        assert ids(database_of(project)) == B


ELSEWHERE = "postgresql+psycopg://me:hidden1@db.local:5433/own?password=hidden2&sslmode=require"


@pytest.mark.parametrize(
    ("command", "tool", "flags"),
    [
        ("backup", "pg_dump", "--format=custom --file="),
        ("restore", "pg_restore", "--clean --if-exists --single-transaction "),
    ],
)
def test_a_server_is_left_to_its_own_tools(project: Project, command: str, tool: str, flags: str) -> None:
    said = project.bakeoff("db", command, "copy.dump", env={"BAKEOFF_DATABASE_URL": ELSEWHERE})

    where = "'--dbname=postgresql://me@db.local:5433/own?sslmode=require'"
    assert said.exit_code == 2
    assert f"own tool does this: {tool} {where} {flags}{project.root}/copy.dump   (PGPASSWORD" in said.stderr
    assert "hidden" not in said.output


def test_the_command_for_a_server_makes_the_folder_that_it_writes_to(project: Project) -> None:
    said = project.bakeoff("db", "backup", env={"BAKEOFF_DATABASE_URL": ELSEWHERE})

    backups = project.root / "data" / "backups"
    assert f"own tool does this: mkdir -p {backups} && pg_dump " in said.stderr
    assert not backups.exists()


def test_a_backup_of_sqlite_is_not_given_to_the_tool_of_a_server(project: Project, saved: Path) -> None:
    said = project.bakeoff("db", "restore", str(saved), env={"BAKEOFF_DATABASE_URL": ELSEWHERE})

    assert said.exit_code == 2
    assert f"{saved} is a backup of a SQLite database" in said.stderr
    assert "`bakeoff db copy --to`" in said.stderr
    assert "pg_restore" not in said.stderr


@pytest.mark.services
def test_the_commands_for_a_server_do_what_they_say(
    project: Project, postgresql: Cluster, postgresql_template: str
) -> None:
    with postgresql.database(postgresql_template) as url, postgresql.database(postgresql_template) as other:
        run, _ = a_stored_run(open_database(url))
        for command, where in (("backup", url), ("restore", other)):
            said = project.bakeoff("db", command, "copy.dump", env={"BAKEOFF_DATABASE_URL": where}).stderr
            tool = said.partition("does this: ")[2].partition("   (")[0]
            warm.run(shlex.split(tool), check=True)

        assert delete_old_runs.run_ids(open_database(other)) == {run.id}
        for engine in map(open_database, (url, other)):
            engine.dispose()
