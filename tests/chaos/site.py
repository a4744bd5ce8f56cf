"""A project with two workers that come back whenever they ended, as a service manager would have it.

On SQLite both are on one machine, with an embedded Redis. On PostgreSQL each has a machine of its own, and a
Redis that is nobody's stands beside the server.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import psutil
import yaml
from chaos import audit
from chaos.candidates import CANDIDATES, MAX_ATTEMPTS
from chaos.schedule import Database
from fixtures.projects.kitchen import children, is_alive
from fixtures.projects.project import Project, a_project
from fixtures.servers import warm
from fixtures.servers.machines import free_port, redis_command, redis_url, wait_for_redis
from fixtures.servers.postgresql import Cluster, a_cluster
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, select

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.job import Job
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.events.event_stream import STREAM
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading
from tasks import enqueue

T = TypeVar("T")

LEASE_S = 2
PER_NODE = 2
OVERALL = 3

_HERE = Path(__file__).parent
_GALLERY = _HERE.parent / "plugins" / "chaos_gallery.py"
_SERVE = """
from bakeoff.settings.configuration import load
from bakeoff.worker import run_celery_nodes

run_celery_nodes.serve(load())
"""
_PLAIN = "-m celery -A tasks worker -Q evaluations --without-gossip --without-mingle -l INFO -n two@here"
_STOP_S = 60.0
_LEFT = (0, -signal.SIGTERM)  #: exit codes of beat that was asked to leave, before or after it had begun
_TURN_S = 0.05
_AWAY_S = 60.0  #: longest that whoever only watches waits for a database that was struck


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event, as a reader of the stream got it."""

    id: str
    type: str
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """A lease."""

    job_id: str
    model_id: str
    worker: str


@dataclass
class Service:
    """A worker, or a Redis."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    holder: str = ""  #: how the names of its leases begin
    process: "subprocess.Popen[bytes] | None" = None
    back_at: float = 0.0

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = warm.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def tend(self, delay_s: float) -> None:
        """Start it again, some time after it has ended."""
        if self.process is not None and self.process.poll() is not None:
            self.process = None
            self.back_at = time.monotonic() + delay_s
        if self.process is None and time.monotonic() >= self.back_at:
            self.start()

    def nodes(self, queue: str) -> list[int]:
        """The main process of Celery that reads this queue, if it lives."""
        top = {self.process.pid} if self.process is not None else set()
        candidates = top | {child for pid in top for child in children(pid)}
        mains = [pid for pid in candidates if f"-Q {queue}" in command_of(pid)]
        return [pid for pid in mains if _parent_of(pid) not in mains and is_alive(pid)]

    def stop(self) -> int:
        if self.process is None:
            return 0
        for pid in (self.process.pid, *children(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()  # the others are stopped all the same: one cause is one breach
            return self.process.wait()


@dataclass
class Site:
    project: Project
    services: list[Service]  #: the workers
    beat: Service
    cluster: Cluster | None  #: the server of the database; None for a file
    beside: list[Service]  #: what else is kept alive
    chance: random.Random  #: for what no schedule can say beforehand
    models: Sequence[str]  #: candidates of a run
    run_ids: list[str] = field(default_factory=list)  #: of runs that must be there and end
    told: list[Told] = field(default_factory=list)  #: what a reader of the stream knows
    ghosts: list[float] = field(default_factory=list)  #: seconds from thaw to the death of a ghost's cell
    oddities: list[str] = field(default_factory=list)  #: what should not have been seen on the way
    meanwhile: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)
    begun: list["Future[None]"] = field(default_factory=list)

    def ask(self, read: Callable[[Engine], T]) -> T:
        """Whoever only watches waits for a database that was struck."""
        deadline = time.monotonic() + _AWAY_S
        while True:
            try:
                return read(self.project.engine)
            except InfrastructureError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_TURN_S)

    @property
    def redis(self) -> Redis:
        return self.project.redis

    def start_run(self, run_id: str | None = None, **request: Any) -> str:
        """In this process, which is nobody's victim."""
        run_id = run_id or new_id()
        self.run_ids.append(run_id)
        plain = {"dataset": "tiny", "models": list(self.models), "baseline": False, "fresh": True}
        wanted = {**plain, **request}
        return self.ask(lambda _: enqueue.start_run(RunRequest(run_id=run_id, **wanted)))

    def produce(self, run_id: str, death: str, seed: int) -> "subprocess.Popen[bytes]":
        """By a producer that does not survive it."""
        with (self.project.folder / "producers.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-P", str(_HERE / "producer.py"), run_id, death, str(seed), *self.models],
                cwd=self.project.folder,
                env=self.project.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def tend_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.tend_once()

    def tend_until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Whether it came true in time."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                return False
            self.tend_once()
        return True

    def tend_once(self) -> None:
        for service in (*self.services, self.beat, *self.beside):
            service.tend(self.chance.uniform(0, 1))
        time.sleep(_TURN_S)

    def begin(self, duty: Callable[[], None]) -> None:
        """Beside everything else, until the end of the round at most."""
        self.begun.append(self.meanwhile.submit(duty))

    def answers(self) -> bool:
        """Whether Redis does."""
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False

    def listen(self) -> None:
        self.told += as_told(self.redis.xrange(STREAM))

    def leases(self, service: Service | None = None) -> list[Held]:
        """Those of this worker, or all."""
        held = [
            Held(job_id=row.id, model_id=row.model_id, worker=row.worker) for row in self.ask(_running_jobs)
        ]
        return [one for one in held if service is None or one.worker.startswith(service.holder)]

    def has_work(self) -> bool:
        backlog = self.ask(job_queries.backlog)
        return backlog.queued + backlog.running > 0

    def all_ended(self) -> bool:
        """And were judged: the end of a run is announced with its verdict."""
        return self.ask(
            lambda engine: all(
                run_rows.get(engine, run_id).state.has_ended and not verdict_rows.is_pending(engine, run_id)
                for run_id in self.run_ids
            )
        )

    def jobs(self) -> list[Job]:
        """Of all runs that must be there."""
        return self.ask(
            lambda engine: [job for run_id in self.run_ids for job in job_queries.of_run(engine, run_id)]
        )

    def stop(self) -> list[int]:
        """What the workers said when they were told to leave; beat has nothing to put back."""
        if (code := self.beat.stop()) not in _LEFT:
            self.oddities.append(f"beat left with {code} {_STOP_S:g} s after SIGTERM")
        return [service.stop() for service in self.services]


def as_told(entries: Any) -> list[Told]:
    return [
        Told(
            id=fields[b"eventId"].decode(),
            type=fields[b"eventType"].decode(),
            run_id=fields[b"runId"].decode(),
        )
        for _, fields in entries
    ]


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _parent_of(pid: int) -> int | None:
    with suppress(psutil.Error):
        return psutil.Process(pid).ppid()
    return None


def _running_jobs(engine: Engine) -> Sequence[Any]:
    with reading(engine) as connection:
        return connection.execute(select(all_tables.jobs).where(all_tables.IS_RUNNING)).all()


@contextmanager
def a_site(chance: random.Random, models: Sequence[str], database: Database) -> Iterator[Site]:
    """When it is left, all that runs for it has ended, or an assertion says what has not."""
    with ExitStack() as stack:
        beside: list[Service] = []
        cluster = stack.enter_context(a_cluster()) if database is Database.POSTGRESQL else None
        shared = {} if cluster is None else _shared(stack, cluster, beside)
        project = stack.enter_context(_a_project(**shared))
        site = Site(project, _services(project), _beat(project), cluster, beside, chance, models)
        audit.install(project.engine)
        try:
            yield site
        finally:
            site.meanwhile.shutdown()
            for service in (*site.services, site.beat, *site.beside):
                if service.process is not None and service.process.poll() is None:
                    service.process.kill()
                    service.process.wait()


def _shared(stack: ExitStack, cluster: Cluster, beside: list[Service]) -> dict[str, Any]:
    """What several machines have in common."""
    folder, port = Path(stack.enter_context(TemporaryDirectory(prefix="bakeoff-redis-"))), free_port()
    command = redis_command(folder, port)
    redis = Service(command=command, environment=os.environ, folder=folder, log=folder / "log")
    redis.start()
    beside.append(redis)
    wait_for_redis(redis_url(port))
    url = stack.enter_context(cluster.database())
    return {"databaseUrl": url, "brokerUrl": redis_url(port), "sharedDir": "shared"}


@contextmanager
def _a_project(**shared: Any) -> Iterator[Project]:
    limits = {
        "leaseSeconds": LEASE_S,
        "evalWorkers": PER_NODE,
        "maxRunning": OVERALL,
        "maxAttempts": MAX_ATTEMPTS,
        "preload": ["sklearn"],
    }
    with a_project({}, **limits, **shared) as project:
        shutil.copy(_GALLERY, project.folder / "plugins")
        catalog = {name: dict(entry) for name, entry in CANDIDATES.items()}
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": catalog}))
        yield project


def _beat(project: Project) -> Service:
    """On the machine of the first worker."""
    one_machine = project.configuration.settings.shared_dir is None
    machine = {} if one_machine else project.machine("alpha")
    return Service(
        command=(sys.executable, "-m", "celery", "-A", "tasks", "beat", "--pidfile="),
        environment={**project.environment, **machine},
        folder=project.folder,
        log=project.folder / "beat.log",
    )


def _services(project: Project) -> list[Service]:
    one_machine = project.configuration.settings.shared_dir is None

    def service(name: str, holder: str, *arguments: str) -> Service:
        machine = {"BAKEOFF_NODE_NAME": name} if one_machine else project.machine(name)
        return Service(
            command=(sys.executable, *arguments),
            environment={**project.environment, **machine},
            folder=project.folder,
            log=project.folder / f"{name}.log",
            holder=holder,
        )

    return [service("alpha", "eval@", "-c", _SERVE), service("beta", "two@here", *_PLAIN.split())]
