"""When Production is asked, and when it is given up; what it answers is tested with a real worker."""

from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.values.samples import a_run

from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.runs.run import RunState
from bakeoff.operations.context import Context
from bakeoff.operations.production.ask_production import ask_production
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs.results.verdict_rows import _VERDICTS
from bakeoff.store.bakeoffs.row_lease import RowLease
from bakeoff.store.database.engine_and_transactions import open_database

RUN = a_run(state=RunState.COMPLETED, save=SaveRequest(policy=SavePolicy.BEST, name="flowers"))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("{}")
    return Context(load(tmp_path / "config", environment={}))


def lease(*, attempt: int) -> RowLease:
    return RowLease(engine=open_database("sqlite://"), rows=_VERDICTS, key=(RUN.id,), attempt=attempt)


def spoil_the_registry(context: Context) -> None:
    context.configuration.registry_path.mkdir(parents=True)
    (context.configuration.registry_path / "registry.db").write_text("this is no database at all")


def test_a_run_that_saves_nothing_has_no_production(context: Context) -> None:
    spoil_the_registry(context)

    assert ask_production(context, a_run(state=RunState.COMPLETED), lease(attempt=1)) is None


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.FAILED])
def test_of_a_run_without_a_winner_nobody_is_asked(context: Context, state: RunState) -> None:
    spoil_the_registry(context)

    assert ask_production(context, replace(RUN, state=state), lease(attempt=1)) is None


def test_where_nothing_was_ever_saved_nobody_is_asked_and_no_registry_is_made(context: Context) -> None:
    assert ask_production(context, RUN, lease(attempt=1)) is None
    assert not context.configuration.registry_path.exists()


@pytest.mark.parametrize("attempt", [1, 2])
def test_while_the_registry_fails_it_is_asked_again_later(context: Context, attempt: int) -> None:
    spoil_the_registry(context)

    with pytest.raises(Exception, match="not a database"):
        ask_production(context, RUN, lease(attempt=attempt))


def test_after_three_attempts_the_reason_is_what_is_known_of_production(context: Context) -> None:
    spoil_the_registry(context)
    answer = ask_production(context, RUN, lease(attempt=3))

    assert answer is not None
    [finding] = answer.findings
    assert (answer.sketch, finding.slug) == (None, "production-not-compared")
    assert finding.message.startswith("Production (flowers) could not be compared: ")
    assert "not a database" in finding.message


def test_when_three_that_asked_have_died_nobody_asks_any_more(context: Context) -> None:
    spoil_the_registry(context)
    answer = ask_production(context, RUN, lease(attempt=4))

    assert answer is not None
    [finding] = answer.findings
    assert finding.message.endswith("it was asked 3 times, and each time the process that asked it died")
