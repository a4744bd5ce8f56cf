"""Suites from their start to their verdict, without any worker: jobs are ended by hand."""

import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from fixtures.projects.project import wait_for
from fixtures.servers.databases import create_tables
from fixtures.values.samples import a_result
from fixtures.values.stored import PLENTY, an_error, sketches_of_scores

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.metric_names_and_scoring_rules import MetricFacts
from bakeoff.domain.runs.suite import MemberState, Suite
from bakeoff.domain.runs.verdict import Standing
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_ended_runs import judge_what_is_due
from bakeoff.operations.suites import start_suite as starting
from bakeoff.operations.suites.suite_report import SuiteState, judge_due_suites, read_suite, read_suites
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import delete_old_runs, leased_jobs, run_rows, suite_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Holder
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.worker import judge_and_save_process
from bakeoff.worker.worker_housekeeping import Housekeeper

if TYPE_CHECKING:
    from bakeoff.worker.worker_lifecycle import WorkerNode

DATA = ("a", "b", "c", "d", "e", "f")
CONFIG = f"""
leaseSeconds: 1
datasets: {{{", ".join(f"{name}: {{source: csv, path: {name}.csv, target: y}}" for name in DATA)}}}
suites:
  six: {{datasets: [{", ".join(DATA)}], models: [one, two], metrics: [accuracy]}}
  pair: {{datasets: [a, b], models: [one]}}
"""
CATALOG = """
models:
  one: {path: "sklearn.linear_model:RidgeClassifier"}
  two: {path: "sklearn.tree:DecisionTreeClassifier"}
"""


class KilledError(BaseException):
    """In the place of a kill: nothing of ours may catch it."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Context:
    root = tmp_path_factory.mktemp("suites")
    (root / "config").mkdir()
    (root / "config" / "bakeoff.yaml").write_text(CONFIG)
    (root / "config" / "models.yaml").write_text(CATALOG)
    context = Context(load(root / "config" / "bakeoff.yaml", environment={}))
    create_tables(context.engine)
    return context


@pytest.fixture
def context(shared: Context) -> Context:
    """All data in their place, and no rows."""
    for place, name in enumerate(DATA):
        if not (file := shared.configuration.root / f"{name}.csv").exists():
            lines = [f"{row + place / 10},{(row * 7) % 11},{row % 2}" for row in range(60)]
            file.write_text("\n".join(["x,z,y", *lines]) + "\n")
    with writing(shared.engine) as connection:
        for table in reversed(all_tables.metadata.sorted_tables):
            connection.execute(table.delete())
    return shared


def killed_after(datasets: int) -> Callable[[str, str], None]:
    started: list[str] = []

    def progress(dataset: str, what: str) -> None:
        started.extend([dataset] if what == "started" else [])
        if len(started) == datasets:
            raise KilledError

    return progress


def left_half_started(context: Context, *, after: int) -> Suite:
    suite = starting.new_suite(context, "six")
    with pytest.raises(KilledError):
        starting.start_suite(context, suite, progress=killed_after(after))
    return suite


def run_ids(context: Context) -> list[str]:
    return sorted(summary.run.id for summary in run_rows.page(context.engine, limit=100))


def end_all(
    context: Context, scores: Callable[[str, str], float], *, failing: Collection[tuple[str, str]] = ()
) -> None:
    """Each job ends with the score that it is told by its dataset and its candidate."""
    holder = Holder(node="here", worker="w1")
    while taken := claims.claim_next(context.engine, excluded=[], holder=holder, caps=PLENTY, lease_s=60):
        name, model = taken.run.dataset.name, taken.job.candidate.id
        if (name, model) in failing:
            assert leased_jobs.fail(context.engine, taken.lease, an_error())
            continue
        score = scores(name, model)
        result = a_result(taken.job, metrics={"accuracy": score})
        assert leased_jobs.complete(
            context.engine, taken.lease, result, sketches=sketches_of_scores(accuracy=score)
        )
    judge_what_is_due(context)


def test_a_suite_is_judged_when_its_last_run_is(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "six"))
    assert read_suite(context, suite.id).state is SuiteState.RUNNING

    end_all(context, lambda data, model: {"one": 0.9, "two": 0.6}.get(model, 0.1) + DATA.index(data) / 100)

    found = read_suite(context, suite.id)
    assert found.state is SuiteState.COMPLETED
    assert found.verdict is not None
    assert [(one.id, one.mean_rank, one.wins, one.standing) for one in found.verdict.candidates] == [
        ("one", 1.0, 6, Standing.BEST),
        ("two", 2.0, 0, Standing.WORSE),
    ]
    assert found.verdict.pairs[0].p_value == pytest.approx(2 / 2**6)
    assert found.verdict.recommended == "one"
    assert suite_rows.get(context.engine, suite.id).verdict == found.verdict  # stored, so computed once


def declare(context: Context, datasets: tuple[str, ...], *, greater_is_better: bool) -> None:
    """As if the metric of these runs were one of the project that says in which direction it is better."""
    facts = (MetricFacts(name="accuracy", greater_is_better=greater_is_better),)
    for summary in run_rows.page(context.engine, limit=100):
        if summary.run.dataset.name in datasets:
            rules = replace(summary.run.rules, facts=facts).to_json()
            with writing(context.engine) as connection:
                is_it = all_tables.runs.c.id == summary.run.id
                connection.execute(all_tables.runs.update().where(is_it).values(rules=rules))


def test_a_suite_is_judged_in_the_direction_that_its_metric_declares(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "six"))
    declare(context, DATA, greater_is_better=False)
    end_all(context, lambda data, model: {"one": 0.9, "two": 0.6}.get(model, 0.1) + DATA.index(data) / 100)

    verdict = read_suite(context, suite.id).verdict

    assert verdict is not None
    assert (verdict.metric, verdict.greater_is_better) == ("accuracy", False)
    assert [one.id for one in verdict.candidates] == ["two", "one"]
    assert verdict.recommended == "two"


def test_runs_that_disagree_on_the_direction_are_judged_by_ranks_alone(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "six"))
    declare(context, ("a", "b"), greater_is_better=False)
    end_all(
        context,
        lambda data, model: {"one": 0.9, "two": 0.6}.get(model, 0.1) * (-1 if data in {"a", "b"} else 1),
    )

    verdict = read_suite(context, suite.id).verdict

    assert verdict is not None
    assert (verdict.metric, verdict.greater_is_better) == (None, True)
    assert [(one.id, one.mean_rank) for one in verdict.candidates] == [("one", 1.0), ("two", 2.0)]


@pytest.mark.parametrize("after", [1, 5])
def test_killed_between_two_members_it_is_completed_and_nothing_is_doubled(
    context: Context, after: int
) -> None:
    suite = left_half_started(context, after=after)
    assert len(run_ids(context)) == after
    unfinished = starting.unfinished_start(context, "six")
    assert unfinished is not None

    whole = starting.finish_start(context, unfinished)

    assert (unfinished.id, whole.is_started) == (suite.id, True)
    assert run_ids(context) == sorted(member.run_id for member in suite.members)
    assert starting.unfinished_start(context, "six") is None


def test_a_worker_completes_it_once_the_lease_of_its_process_is_over(context: Context) -> None:
    suite = left_half_started(context, after=2)
    assert starting.start_due_members(context) == 0  # its process may still be at work

    suite_rows.hurry(context.engine, suite.id)

    assert starting.start_due_members(context) == 4
    assert run_ids(context) == sorted(member.run_id for member in suite.members)


def test_a_run_that_was_started_and_not_noted_is_found_again(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "pair"))
    before = run_ids(context)
    with writing(context.engine) as connection:
        connection.execute(all_tables.suite_members.update().values(state=MemberState.OPEN))

    starting.finish_start(context, suite_rows.get(context.engine, suite.id))

    assert run_ids(context) == before


def test_a_suite_of_the_same_id_is_started_once(context: Context) -> None:
    suite = starting.new_suite(context, "pair")

    first = starting.start_suite(context, suite)
    second = starting.start_suite(context, starting.new_suite(context, "pair", suite_id=suite.id))

    assert first.members == second.members
    assert len(run_ids(context)) == 2


def test_nothing_is_started_when_one_dataset_cannot_be_read(context: Context) -> None:
    (context.configuration.root / "e.csv").unlink()

    with pytest.raises(InvalidInputError, match=r"suite six, dataset e: .*e\.csv"):
        starting.start_suite(context, starting.new_suite(context, "six"))

    assert run_ids(context) == []
    assert suite_rows.page(context.engine, limit=5) == []


def test_a_dataset_that_is_gone_in_between_is_given_up_and_named(context: Context) -> None:
    suite = left_half_started(context, after=5)
    (context.configuration.root / "f.csv").unlink()

    for _ in range(suite_rows.MOST_ATTEMPTS):
        starting.finish_start(context, suite)

    last = suite_rows.get(context.engine, suite.id).members[-1]
    assert (last.state, last.tries) == (MemberState.FAILED, suite_rows.MOST_ATTEMPTS)
    assert "f.csv" in last.error
    assert last.error.endswith("correct it, and start the suite anew: `bakeoff suites run six`")
    end_all(context, lambda _, model: {"one": 0.9}.get(model, 0.2))
    report = read_suite(context, suite.id)
    assert report.state is SuiteState.INCOMPLETE
    assert report.verdict is not None
    assert report.verdict.left_out == {"f": "its run is failed, without a verdict"}


def test_a_candidate_without_a_score_somewhere_is_left_out_by_name(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "six"))
    end_all(context, lambda _, model: {"one": 0.9}.get(model, 0.2), failing=[("c", "two")])

    verdict = read_suite(context, suite.id).verdict
    assert verdict is not None
    assert [one.id for one in verdict.candidates] == ["one"]
    assert verdict.left_out == {"two": "it has no score on c"}


def test_a_dataset_on_which_all_failed_is_left_out_by_name_and_the_others_are_judged(
    context: Context,
) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "six"))
    end_all(context, lambda _, model: {"one": 0.9}.get(model, 0.2), failing=[("c", "one"), ("c", "two")])

    report = read_suite(context, suite.id)
    assert report.state is SuiteState.INCOMPLETE
    assert report.verdict is not None
    assert report.verdict.datasets == ("a", "b", "d", "e", "f")
    assert [(one.id, one.mean_rank) for one in report.verdict.candidates] == [("one", 1.0), ("two", 2.0)]
    assert report.verdict.left_out.keys() == {"c"}
    assert report.verdict.left_out["c"].startswith("no candidate has a score; its run is ")


def test_a_suite_that_nobody_looks_at_is_judged_all_the_same(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "pair"))
    assert suite_rows.to_be_judged(context.engine) == []
    end_all(context, lambda *_: 0.9)
    assert suite_rows.to_be_judged(context.engine) == [suite.id]

    judge_due_suites(context)

    assert suite_rows.get(context.engine, suite.id).verdict is not None
    assert suite_rows.to_be_judged(context.engine) == []


def test_a_worker_starts_its_saver_once_for_a_suite_that_is_to_be_judged(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    class Ended:
        def __init__(self, command: list[str], **_: object) -> None:
            started.append(command[-1])

        def poll(self) -> int:
            return 0

    # There alone: the rest of this process goes on to start real ones.
    monkeypatch.setattr(
        judge_and_save_process, "subprocess", SimpleNamespace(Popen=Ended, DEVNULL=subprocess.DEVNULL)
    )
    starting.start_suite(context, starting.new_suite(context, "pair"))
    saver = judge_and_save_process.Saver(context)
    saver.start_if_due()
    assert started == []  # its runs are under way
    end_all(context, lambda *_: 0.9)

    for _ in range(3):
        saver.start_if_due()

    assert started == ["bakeoff.worker.judge_and_save_process"]


def test_lists_show_the_verdict_of_a_suite_that_nobody_has_opened(context: Context) -> None:
    starting.start_suite(context, starting.new_suite(context, "pair"))
    end_all(context, lambda *_: 0.9)

    (listed,) = read_suites(context, limit=5)
    assert listed.verdict is not None


def test_no_verdict_is_kept_where_a_run_was_removed_before_it(context: Context) -> None:
    suite = starting.start_suite(context, starting.new_suite(context, "six"))
    end_all(context, lambda *_: 0.9)
    with writing(context.engine) as connection:
        connection.execute(all_tables.outbox.update().values(published_at=utc_now()))
    assert delete_old_runs.delete_outdated(context.engine, timedelta(0), kept=run_ids(context)[1:]) == 1
    gone = next(one.dataset for one in suite.members if one.run_id not in run_ids(context))

    assert suite_rows.to_be_judged(context.engine) == []
    report = read_suite(context, suite.id)
    assert report.verdict is not None
    assert report.verdict.left_out == {gone: "its run is removed, without a verdict"}
    assert suite_rows.get(context.engine, suite.id).verdict is None


def test_what_nobody_can_correct_is_never_given_up(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> str:
        raise InfrastructureError("the broker is away")

    suite = left_half_started(context, after=5)
    with monkeypatch.context() as patched:
        patched.setattr(starting, "start_run", away)
        for _ in range(suite_rows.MOST_ATTEMPTS + 1):
            starting.finish_start(context, suite)
    last = suite_rows.get(context.engine, suite.id).members[-1]
    assert (last.state, last.error) == (MemberState.OPEN, "the broker is away")

    assert starting.finish_start(context, suite).is_started
    assert len(run_ids(context)) == 6


def test_an_unknown_suite_is_refused_with_those_that_there_are(context: Context) -> None:
    with pytest.raises(InvalidInputError, match=r"there is no suite 'sixx' .*; did you mean 'six'\?"):
        starting.new_suite(context, "sixx")


def test_an_idle_worker_asks_the_database_nothing_until_somebody_writes(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    saver = SimpleNamespace(start_if_due=lambda: bool(asked.append("saver")))
    node = SimpleNamespace(context=context, oven=None)
    keeper = Housekeeper(cast("WorkerNode", node), worker=None)
    monkeypatch.setattr(keeper, "_saver", saver)

    def looks(number: int) -> int:
        asked.clear()
        for _ in range(number):
            keeper.start_what_is_due()
        return len(asked)

    log = Path(f"{context.configuration.database_file}-wal")
    wait_for(lambda: time.time() - log.stat().st_mtime > 0.2, "a log that is at rest")
    assert looks(5) == 1  # as it begins
    starting.start_suite(context, starting.new_suite(context, "pair"))
    assert looks(1) == 1


def test_a_worker_looks_again_at_once_after_a_look_that_failed(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Housekeeper(cast("WorkerNode", SimpleNamespace(context=context, oven=None)), worker=None)
    failing = SimpleNamespace(start_if_due=lambda: 1 / 0)
    monkeypatch.setattr(keeper, "_saver", failing)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            keeper.start_what_is_due()
