"""What a client may ask for is checked alike over HTTP and by Celery message: its sender is no operator.

What nobody may ask for is refused by commands, too, in the same words.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.projects.command_line import a_journal_of_its_own
from fixtures.projects.project import Project, Worker, a_project, celery_app, wait_for
from fixtures.servers.api import EVALUATIONS, Api, an_api, errors
from typer.testing import CliRunner

from bakeoff.api.security.tokens import Role, add
from bakeoff.cli.main import app
from bakeoff.domain.errors import ForbiddenError, InvalidInputError
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.operations.context import Context
from bakeoff.operations.runs.client_rights_check import check_run_request
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import run_rows
from tasks import celery
from tasks.start_sweep_and_score_tasks import generate_signals_task, start_run_task

CANDIDATES: Mapping[str, Mapping[str, Any]] = {"good": {"path": "Means"}}


@dataclass(frozen=True)
class Doors:
    project: Project
    api: Api
    worker: Worker
    user: str

    def ask(self, door: str, body: Mapping[str, Any]) -> str:
        """The answer to a client that is no admin."""
        return self._over_http(body) if door == "HTTP" else self._by_message(body)

    def _over_http(self, body: Mapping[str, Any]) -> str:
        answer = self.api.ask(
            "POST", EVALUATIONS, json=dict(body), headers={"Authorization": f"Bearer {self.user}"}
        )
        [(field, message)] = errors(answer)
        return f"{answer.status_code} {field}: {message}"

    def _by_message(self, body: Mapping[str, Any]) -> str:
        sent = celery_app().send_task("bakeoff.start_run", kwargs=dict(body))
        wait_for(lambda: sent.id in self.worker.log, "its answer")
        lines = [json.loads(line) for line in self.worker.log.splitlines() if line.startswith("{")]
        return str(next(line["message"] for line in lines if sent.id in line["message"]))

    def by_command(self, *arguments: str) -> str:
        """What the command `bakeoff run` answers, on one line. It is the operator's."""
        with a_journal_of_its_own():
            done = CliRunner().invoke(
                app, ["run", *arguments, "--config", str(self.project.file)], catch_exceptions=False
            )
        assert done.exit_code == 2, done.output
        return " ".join(done.output.split())

    def number_of_runs(self) -> int:
        return len(run_rows.page(self.project.engine, limit=1000))


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with a_project(CANDIDATES, metrics=["accuracy", "operator:ne"]) as project:
        user = add(project.configuration.tokens_file, "una", Role.USER)
        with an_api(project) as api, project.worker("-Q", "evaluations,control") as worker:
            yield Doors(project, api, worker, user)
            assert "Traceback" not in worker.log + api.log


@pytest.fixture
def trusting(doors: Doors) -> Iterator[Doors]:
    """This process takes messages as a worker whose operator trusts the senders."""
    trusted = load(doors.project.file, overrides={"celeryClientsMay": ["save", "priority"]}, environment={})
    celery.use(Context(trusted, celery.messenger_for))
    yield doors
    celery.use(doors.project.context)


@pytest.mark.parametrize("door", ["HTTP", "Celery"])
@pytest.mark.parametrize(
    ("wish", "blamed", "said"),
    [
        ({"metrics": ["f1", "builtins:print"]}, "422 body.metrics.1", "'builtins:print' runs code"),
        ({"metrics": ["os:getcwd"]}, "422 body.metrics.0", "the metric 'os:getcwd' runs code"),
        ({"dataset": "data.csv", "target": "y"}, "422 body.dataset", "no dataset 'data.csv' in the"),
        ({"dataset": "/etc/passwd"}, "422 body.dataset", "no dataset '/etc/passwd' in the"),
        ({"grid": {"good": {"spread": [1]}}}, "403 body.grid", "grid sets parameters of candidates, which a"),
        (
            {"tune": {"good": {"params": {"spread": [1, "/etc/passwd"]}}}},
            "403 body.tune",
            "tune lets 'good' try '/etc/passwd' for 'spread', and a client may search numbers",
        ),
        ({"save": "all"}, "403 body.save", "save is all, and this client may not say what is saved"),
        ({"save": "none"}, "403 body.save", "save is none, and this client may not say what is saved"),
        (
            {"saveAs": "churn"},
            "403 body.saveAs",
            "saveAs is churn, and this client may not say what is saved",
        ),
    ],
)
def test_both_doors_refuse_a_client_the_same_wishes_in_the_same_words(
    doors: Doors, door: str, wish: Mapping[str, Any], blamed: str, said: str
) -> None:
    before = doors.number_of_runs()
    answer = doors.ask(door, {"dataset": "tiny", "models": ["good"], **wish})

    assert said in answer
    assert door == "Celery" or answer.startswith(f"{blamed}: ")
    assert doors.number_of_runs() == before


def _tune(**said: Any) -> Mapping[str, Any]:
    return {"tune": {"good": {"params": {"spread": [1, 2]}, **said}}}


_TUNE = ("--tune", "good.spread=1,2", "--trials")

#: What is asked over HTTP and by message, the same as options of a command, and what each of them answers.
EXCESSIVE = [
    (_tune(trials=1_000_000), (*_TUNE, "1000000"), "should be less than or equal to 1000"),
    (_tune(trials=0), (*_TUNE, "0"), "should be greater than or equal to 1"),
    (
        {"tune": {"nobody": {"params": {"spread": [1]}}}},
        ("--tune", "nobody.spread=1"),
        "tune names 'nobody', which does not take part",
    ),
    (
        {"race": True},
        ("--race",),
        "race is true, and a race stops candidates between folds, of which there are",
    ),
    (
        {"race": True, "design": {"folds": 5, "seeds": 3}},
        ("--race", "--folds", "5", "--seeds", "3"),
        "race is true and seeds is 3, and a race fits each fold once",
    ),
    (
        {"spread": True},
        ("--spread",),
        "spread is true, which gives each fold a job of its own, and there are no",
    ),
    (
        {"spread": True, "race": True, "design": {"folds": 5}},
        ("--spread", "--race", "--folds", "5"),
        "race and spread are true, and a race decides after each fold who is fitted on the next one",
    ),
    ({"design": {"folds": 1_000_000}}, ("--folds", "1000000"), "should be less than or equal to 100"),
    (
        {"spread": True, "design": {"folds": 100, "repeats": 100}},
        ("--spread", "--folds", "100", "--repeats", "100"),
        "are 10,000 fits of each candidate: 1,000 are the most",
    ),
    (
        {"shuffleCheck": True, "design": {"folds": 100, "repeats": 100}},
        ("--shuffle-check", "--folds", "100", "--repeats", "100"),
        "are 10,000 fits of each candidate: 1,000 are the most",
    ),
    (
        {"importance": True, "design": {"seeds": 1_000_000}},
        ("--importance", "--seeds", "1000000"),
        "should be less than or equal to 50",
    ),
]


@pytest.mark.parametrize("door", ["HTTP", "Celery", "command"])
@pytest.mark.parametrize(("wish", "options", "said"), EXCESSIVE)
def test_all_doors_refuse_what_would_take_too_much_or_cannot_be_in_the_same_words(
    doors: Doors, door: str, wish: Mapping[str, Any], options: Sequence[str], said: str
) -> None:
    before = doors.number_of_runs()
    if door == "command":
        answer = doors.by_command("tiny", "--models", "good", *options)
    else:
        answer = doors.ask(door, {"dataset": "tiny", "models": ["good"], **wish})

    assert said in answer
    assert door != "HTTP" or answer.startswith("422 body.")
    assert doors.number_of_runs() == before


@pytest.mark.parametrize("door", ["HTTP", "Celery"])
@pytest.mark.parametrize("option", ["race", "spread", "shuffleCheck", "importance"])
def test_an_option_that_is_on_or_off_takes_nothing_else(doors: Doors, door: str, option: str) -> None:
    before = doors.number_of_runs()
    answer = doors.ask(door, {"dataset": "tiny", "models": ["good"], option: 1_000_000})

    assert option in answer
    assert "should be a valid boolean" in answer
    assert doors.number_of_runs() == before


def test_a_message_may_not_change_the_order_of_the_queue(doors: Doors) -> None:
    before = doors.number_of_runs()
    answer = doors.ask("Celery", {"dataset": "tiny", "priority": 5})

    assert "priority is 5, and this client may not change the order of the queue" in answer
    assert doors.number_of_runs() == before


def test_a_function_that_the_configuration_names_may_be_a_metric_of_a_message(doors: Doors) -> None:
    run_id = start_run_task(dataset="tiny", models=["good"], metrics=["operator:ne"])

    assert run_rows.get(doors.project.engine, run_id).rules.metrics == ("operator:ne",)


def test_the_operator_lets_messages_say_what_is_saved_and_who_goes_first(trusting: Doors) -> None:
    run_id = start_run_task(dataset="tiny", models=["good"], save="all", saveAs="churn", priority=5)
    run = run_rows.get(trusting.project.engine, run_id)

    assert run.save is not None
    assert (run.save.policy, run.save.name, run.priority) == ("all", "churn", 5)
    wait_for(lambda: run_rows.get(trusting.project.engine, run_id).state.has_ended, "its end")


def test_a_message_for_signals_does_not_change_the_order_of_the_queue_either(doors: Doors) -> None:
    before = doors.number_of_runs()
    with pytest.raises(ForbiddenError, match="priority is -7, and this client may not change the order"):
        generate_signals_task(priority=-7)

    assert doors.number_of_runs() == before


@pytest.mark.usefixtures("shop")
def test_a_metric_of_a_package_must_stand_in_the_configuration_too(doors: Doors) -> None:
    settings = doors.project.configuration.settings

    with pytest.raises(InvalidInputError, match="the metric 'profit' runs code"):
        check_run_request(RunSpec(dataset="tiny", metrics=["profit"]), settings, ())
