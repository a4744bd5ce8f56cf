"""The stream of a run that has ended and is not judged yet: its last event comes with the verdict."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from anyio import to_thread
from fixtures.servers.databases import create_tables
from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, claim, sketches_of_scores

from bakeoff.api import run_stream
from bakeoff.api.shared_change_watchers import SharedWatchers
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_ended_runs import judge_run
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "bakeoff.yaml").write_text("evalWorkers: 1\n")
    context = Context(load(tmp_path / "bakeoff.yaml", environment={}))
    create_tables(context.engine)
    return context


@pytest.fixture
def ended(context: Context) -> str:
    """A run whose only job has ended, and that nobody has judged."""
    run, [job] = a_stored_run(context.engine)
    claimed = claim(context.engine, job)
    result = a_result(claimed.job, metrics={"accuracy": 0.9})
    sketches = sketches_of_scores(accuracy=0.9)
    assert leased_jobs.complete(context.engine, claimed.lease, result, sketches=sketches)
    return run.id


def told(context: Context, run_id: str, *, after_the_first: Callable[[], Any] | None = None) -> list[str]:
    """The kinds of what the stream says. `after_the_first` is done when it has begun."""
    service = SimpleNamespace(context=context, watchers=SharedWatchers(), is_stopping=lambda: False)

    async def follow() -> list[str]:
        answer = await run_stream.stream(cast("Any", service), run_id, after=0)
        kinds = []
        async for frame in cast("Any", answer).body_iterator:
            kinds.append(frame.splitlines()[0])
            if len(kinds) == 1 and after_the_first is not None:
                await to_thread.run_sync(after_the_first)
        return kinds

    return anyio.run(follow)


def test_a_stream_waits_for_the_verdict_of_a_run_that_has_ended(context: Context, ended: str) -> None:
    kinds = told(context, ended, after_the_first=lambda: judge_run(context, ended))

    assert kinds[0] == "event: progress"
    assert kinds[-1] == "event: run.completed"


def test_a_stream_ends_where_nobody_judges_the_run(
    context: Context, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_stream, "_PATIENCE", timedelta(seconds=0.5))
    kinds = told(context, ended)

    assert kinds[-1] == "event: evaluation.completed"
