"""A Celery application as one writes it who has read all about tuning it; nothing of it is ours.

`celery -A benchmarks.bakeoffs.plain_celery worker`; its environment names broker, stand, and the file of
results.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery, signals

from bakeoff.domain.candidate import Candidate
from benchmarks.bakeoffs.peers import Rows, Subject, evaluate, wait_warm, warm_up
from benchmarks.bakeoffs.prepared_project import Stand

app = Celery("plain", broker=os.environ["BENCHMARK_BROKER"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


@signals.worker_init.connect
def _load(**_: Any) -> None:
    """Before the pool is forked, which so shares what was loaded."""
    warm_up()


@app.task(name="plain.warm")
def warm(number: int) -> None:
    wait_warm()
    _subject()
    _rows().add(f"warm-{number}", {})


@app.task(name="plain.evaluate")
def bake(candidate: Mapping[str, Any]) -> None:
    _rows().add(*evaluate(Candidate.from_json(candidate), _subject()))


@cache
def _rows() -> Rows:
    return Rows(Path(os.environ["BENCHMARK_ROWS"]))


@cache
def _subject() -> Subject:
    return Subject.of(Stand(folder=Path(os.environ["BENCHMARK_STAND"]), workers=0))
