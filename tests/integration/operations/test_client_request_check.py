"""What a client may ask for is checked alike over HTTP and by Celery message: its sender is no operator."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.api import EVALUATIONS, Api, an_api, errors
from fixtures.project import Project, Worker, a_project, celery_app, wait_for

from bakeoff.api.security.tokens import Role, add
from bakeoff.domain.errors import ForbiddenError, InvalidInputError
from bakeoff.evaluation.planning.run_spec import RunSpec
from bakeoff.operations.context import Context
from bakeoff.operations.runs.client_request_check import check_run_request
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import run_rows
from tasks import celery
from tasks.control_tasks import generate_signals_task, start_run_task

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
