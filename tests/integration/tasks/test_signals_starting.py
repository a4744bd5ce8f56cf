"""Starting runs of signals: over HTTP, by a schedule, and what is refused. No worker is there."""

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures.projects.schedules import all_runs, set_back
from fixtures.projects.signals import LAST, SYMBOLS, SignalProject, a_signal_project
from fixtures.servers.api import errors
from sqlalchemy import delete

from bakeoff.api.app import create_app
from bakeoff.api.security.tokens import Role, Tokens, add
from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.signals.signal_run_plan import SignalRequest
from bakeoff.operations.runs import reproduce_result
from bakeoff.operations.runs.scheduled_runs import start_due_runs
from bakeoff.operations.signals.start_signals import plan_signals
from bakeoff.operations.upkeep import collect_garbage
from bakeoff.store.bakeoffs import cancellation, job_queries, run_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing
from tasks import enqueue
from tasks.celery import process_context

GENERATE = "/api/signals/ensemble/generate"
MODELS = {
    "optimist": {"path": "Says", "weight": 3},
    "pessimist": {"path": "Says", "weight": 1, "params": {"says": "SELL"}},
    "untrained": {},
    "off": {"path": "Says", "enabled": False},
    "means": {"kind": "candidate", "path": "plugins/gallery.py:Means"},
    "missing": {"path": "NoSuchClass"},
}
SCHEDULES = {"daily": {"every": "1d", "signals": True, "models": ["pessimist"], "priority": 2}}


@pytest.fixture(scope="module")
def project() -> Iterator[SignalProject]:
    with a_signal_project(
        MODELS, ensemble={"conflict_strategy": "conservative"}, schedules=SCHEDULES
    ) as project:
        yield project


def ask(
    project: SignalProject, method: str, path: str, *, tokens: Path = Path("/nowhere"), **given: Any
) -> httpx.Response:
    """The application without a server."""

    async def asked() -> httpx.Response:
        app = create_app(project.context, Tokens(tokens))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **given)

    return asyncio.run(asked())


def test_a_run_of_signals_is_pinned_when_it_begins(project: SignalProject) -> None:
    run_id = project.generate(symbols=["CCC", "AAA", "CCC"], priority=3, name="mine")

    run = run_rows.get(project.engine, run_id)
    assert (run.kind, run.state, run.name, run.priority) == ("signals", "queued", "mine", 3)
    assert (run.dataset.name, run.dataset.target_kind, run.dataset.test_rows) == ("market", "signals", 3)
    assert run.signals is not None
    assert (run.signals.symbols, run.signals.as_of) == (("CCC", "AAA"), LAST)
    assert run.signals.weights == {"optimist": 3.0, "pessimist": 1.0, "untrained": 1.0}
    assert run.signals.rules.conflict_strategy == "conservative"
    optimist, pessimist, untrained = job_queries.of_run(project.engine, run_id)
    assert {job.kind for job in (optimist, pessimist, untrained)} == {"signals"}
    assert optimist.signal_inputs is not None
    assert pessimist.signal_inputs is not None
    assert untrained.signal_inputs is not None
    assert optimist.signal_inputs.fingerprint != pessimist.signal_inputs.fingerprint
    assert untrained.signal_inputs.obstacle == (
        "untrained works with saved models of one training, and there are none (never_saved: none)"
    )


def test_the_fingerprint_follows_parameters_version_and_day_and_not_the_symbols(
    project: SignalProject,
) -> None:
    def fingerprint(model: str, **request: Any) -> str:
        signal_inputs = project.job(project.generate(model, **request), model).signal_inputs
        assert signal_inputs is not None
        return signal_inputs.fingerprint

    assert fingerprint("optimist") == fingerprint("optimist", symbols=["AAA"])
    assert fingerprint("optimist") != fingerprint("optimist", as_of="2025-01-29")


def test_a_feed_that_stands_still_is_told_to_who_names_no_day(project: SignalProject) -> None:
    today = plan_signals(project.context, SignalRequest()).warnings
    back_then = plan_signals(project.context, SignalRequest(as_of=LAST)).warnings

    assert any(said.startswith("prices: the last ones are of 2025-01-30, ") for said in today)
    assert not any("days ago" in said for said in back_then)


def test_what_is_odd_stands_in_the_log_of_who_starts_a_run_that_nobody_watches(
    project: SignalProject, caplog: pytest.LogCaptureFixture
) -> None:
    project.generate("optimist")

    said = [
        record.message
        for record in caplog.records
        if record.name == "bakeoff.operations.signals.start_signals"
    ]
    assert said[0].startswith("prices: the last ones are of 2025-01-30, ")
    assert "optimist is the only model that answers" in said[1]


def test_the_same_id_twice_is_one_run(project: SignalProject) -> None:
    run_id = new_id()

    assert project.generate("optimist", run_id=run_id) == run_id
    assert project.generate("pessimist", run_id=run_id.upper()) == run_id
    assert list(project.states(run_id)) == ["optimist"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"symbols": ["AAB"]}, "there are no prices of 'AAB' by 2025-01-30; did you mean 'AAA'?"),
        ({"as_of": "2024-12-31"}, "prices: there is no price up to 2024-12-31"),
        ({"as_of": "2999-01-01"}, "2999-01-01 has not come yet: name a day up to today"),
        ({"models": ["off"]}, "it is disabled"),
        ({"models": ["optimst"]}, "did you mean 'optimist'?"),
        ({"models": ["missing"]}, "missing was rejected because"),
        ({"models": ["means"]}, "means is a candidate for bake-offs"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_there_is_a_run(
    project: SignalProject, request_: dict[str, Any], said: str
) -> None:
    number = len(all_runs(project))

    with pytest.raises((InvalidInputError, NotFoundError)) as caught:
        project.generate(*request_.pop("models", ()), **request_)

    assert said in str(caught.value)
    assert len(all_runs(project)) == number


def test_http_starts_a_run_and_says_where_it_is(project: SignalProject) -> None:
    body = {"symbols": ["AAA"], "models": ["optimist", "pessimist"]}
    answer, again = (
        ask(project, "POST", GENERATE, json=body, headers={"Idempotency-Key": "daily"}) for _ in range(2)
    )

    assert answer.status_code == 202
    assert answer.json() == again.json()
    assert answer.headers["location"] == f"/api/ml/evaluations/{answer.json()['runId']}"
    assert [job["modelId"] for job in answer.json()["jobs"]] == ["optimist", "pessimist"]
    status = ask(project, "GET", answer.headers["location"]).json()
    assert (status["kind"], status["targetKind"], status["progress"]["total"]) == ("signals", "signals", 2)
    assert status["signals"] == {
        "asOf": "2025-01-30",
        "symbols": 1,
        "weights": {"optimist": 3.0, "pessimist": 1.0},
        "conflictStrategy": "conservative",
        "minAgreement": 0.5,
        "minConfidence": 0.6,
        "flagConflicts": True,
        "persist": True,
        "fresh": False,
    }
    results = ask(project, "GET", f"{answer.headers['location']}/results").json()
    assert (results["results"], results["failed"]) == ([], [])


def test_a_key_that_comes_with_another_request_is_refused(project: SignalProject) -> None:
    first, second = (
        ask(project, "POST", GENERATE, json={"symbols": [symbol]}, headers={"Idempotency-Key": "one"})
        for symbol in ("AAA", "BBB")
    )

    assert first.status_code == 202
    assert second.status_code == 422
    assert errors(second)[0][0] == "header.Idempotency-Key"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"symbols": ["AAB"]}, "body.symbols"),
        ({"asOf": "2024-12-31"}, "body.asOf"),
        ({"models": ["nobody"]}, "body.models"),
        ({"symbols": []}, "body.symbols"),
        ({"asOf": "soon"}, "body.asOf"),
        ({"asOf": 0}, "body.asOf"),
        ({"dataset": "tiny"}, "body.dataset"),
    ],
)
def test_http_blames_the_field_that_is_wrong(
    project: SignalProject, body: dict[str, Any], field: str
) -> None:
    answer = ask(project, "POST", GENERATE, json=body)

    assert answer.status_code == 422
    assert errors(answer)[0][0] == field


def test_a_schedule_generates_signals_once_for_each_slot(project: SignalProject) -> None:
    set_back(project, "daily", datetime.now(UTC) - timedelta(days=1))

    assert start_due_runs(process_context()) == 1
    assert start_due_runs(process_context()) == 0

    run = next(run for run in all_runs(project) if run.name.startswith("daily-"))
    assert (run.kind, run.priority) == ("signals", 2)
    assert run.signals is not None
    assert (run.signals.symbols, list(run.signals.weights)) == (SYMBOLS, ["pessimist"])


def test_a_run_that_goes_on_is_not_retried_and_a_job_of_signals_is_not_reproduced(
    project: SignalProject,
) -> None:
    run_id = project.generate("optimist")

    with pytest.raises(ConflictError, match="wait for its end"):
        enqueue.retry(run_id)
    with pytest.raises(InvalidInputError, match="`bakeoff signals generate --models optimist --fresh`"):
        reproduce_result.first_fit(project.context, project.job(run_id, "optimist"))


def test_what_was_cancelled_before_it_began_can_be_retried(project: SignalProject) -> None:
    run_id = project.generate("optimist", "untrained")
    assert cancellation.cancel_run(project.engine, run_id)

    again = enqueue.retry(run_id)

    assert run_rows.get(project.engine, again).signals == run_rows.get(project.engine, run_id).signals
    assert project.job(again, "optimist").signal_inputs == project.job(run_id, "optimist").signal_inputs
    assert project.states(again) == {"optimist": "queued", "untrained": "queued"}


def test_a_market_is_kept_as_long_as_a_run_cites_it_and_copies_as_long_as_one_goes_on(
    project: SignalProject,
) -> None:
    run_id = project.generate("optimist", as_of="2025-01-03")
    dataset = run_rows.get(project.engine, run_id).dataset
    snapshot = folder_of(project.configuration.snapshots, dataset.dataset_id, dataset.split_id)
    mine, nobodys = (project.configuration.copies / owner for owner in (run_id, new_id()))
    for folder in (mine / "x", nobodys / "x"):
        folder.mkdir(parents=True)
    _age(snapshot, mine, nobodys)

    found = collect_garbage.remove_garbage(project.context, None)

    assert (found.snapshots.number, found.unfinished.number) == (0, 1)
    assert (snapshot.is_dir(), mine.is_dir(), nobodys.is_dir()) == (True, True, False)

    assert cancellation.cancel_run(project.engine, run_id)
    with writing(project.engine) as connection:
        connection.execute(delete(all_tables.outbox))
    assert collect_garbage.remove_garbage(project.context, timedelta(0)).runs >= 1
    assert (snapshot.is_dir(), mine.is_dir()) == (False, False)


def _age(*paths: Path) -> None:
    """As if nobody had touched them for hours."""
    for path in paths:
        os.utime(path, (time.time() - 9000, time.time() - 9000))


def test_generating_takes_the_role_admin(project: SignalProject, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    given = ("guessed", add(tokens, "una", Role.USER), add(tokens, "ada", Role.ADMIN))

    def answer(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return ask(project, "POST", GENERATE, tokens=tokens, json={}, headers=headers).status_code

    assert [answer(token) for token in given] == [401, 403, 202]


def test_without_a_signal_model_it_says_what_to_do() -> None:
    with (
        a_signal_project({"off": {"path": "Says", "enabled": False}}) as project,
        pytest.raises(InvalidInputError, match="no signal model is enabled: add one to"),
    ):
        project.generate()


def test_without_a_market_it_says_what_to_do() -> None:
    with (
        a_signal_project({"optimist": {"path": "Says"}}, market=None) as project,
        pytest.raises(InvalidInputError, match="there is no `market:` in the configuration"),
    ):
        project.generate()
