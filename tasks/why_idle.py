"""Why nothing is running: what to tell somebody who waits."""

from collections.abc import Mapping

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from bakeoff.broker import broker_access
from bakeoff.broker.broker_access import CONTROL, EVALUATIONS
from bakeoff.operations import disk_guard, process_context
from bakeoff.store.bakeoffs import job_rows
from tasks.celery import app

_ANSWER_S = 1.0


def readers() -> Mapping[str, list[str]]:
    """By queue, the names of the workers that read it, as far as they answer within a second."""
    try:
        answers = app.control.inspect(timeout=_ANSWER_S).active_queues() or {}
    except (OperationalError, RedisError, OSError):
        answers = {}
    return {
        queue: sorted(name for name, read in answers.items() if any(q["name"] == queue for q in read))
        for queue in (EVALUATIONS, CONTROL)
    }


def answers(worker: str) -> bool:
    """Whether the one of this name does, within a second."""
    try:
        return bool(
            app.control.broadcast("ping", reply=True, destination=[worker], timeout=_ANSWER_S, limit=1)
        )
    except (OperationalError, RedisError, OSError):
        return False


def is_read() -> bool:
    """Whether anybody reads the queue of evaluations; the first answer is enough."""
    if broker_access.nobody_listens():
        return False
    try:
        answers = app.control.broadcast("active_queues", reply=True, timeout=_ANSWER_S, limit=1)
    except (OperationalError, RedisError, OSError):
        return False
    found = [q["name"] for answer in answers or [] for queues in answer.values() for q in queues]
    return EVALUATIONS in found or (bool(found) and bool(readers()[EVALUATIONS]))


def why_nothing_runs() -> str:
    """One sentence: the cause, and the cure where there is one."""
    backlog, cap = job_rows.backlog(process_context.engine()), process_context.caps().overall
    if broker_access.messages_waiting(EVALUATIONS) is None:
        return "the broker cannot be reached: `bakeoff doctor` says more"
    if backlog.running >= cap:
        return f"all {cap} slots are taken by other runs: `bakeoff runs` lists them"
    if (full := disk_guard.lack()) is not None:
        return full
    if not readers()[EVALUATIONS]:
        return f"no worker reads the queue {EVALUATIONS}: start one with `bakeoff worker`"
    return "a worker is there, and its libraries are being loaded"
