"""What the forms of the pages do: each asks first and says what stays, and does it once."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode

import pytest
from fixtures.page_visits import OURS, Browser
from fixtures.projects.showcase import Showcase, a_showcase
from sqlalchemy import text

from bakeoff.api.security.tokens import Role, add
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.job import JobState
from bakeoff.operations.runs.scheduled_runs import schedule_statuses
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.store.monitoring import audit_rows


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    made = a_showcase(tmp_path_factory.mktemp("actions"))
    yield made
    made.context.engine.dispose()


@pytest.fixture(scope="module")
def browser(show: Showcase) -> Browser:
    return Browser(show.context)


def models_of(show: Showcase, run_id: str) -> dict[str, JobState]:
    return {job.candidate.id: job.state for job in job_queries.of_run(show.context.engine, run_id)}


def test_a_group_of_failures_is_retried_and_the_others_are_left_out(browser: Browser, show: Showcase) -> None:
    question = browser.page(f"/runs/{show.judged.id}/retry?m=tabnet&m=deepfm")
    assert "1 other candidate without a result: the new run leaves them out" in question
    form = {"m": ["tabnet", "deepfm"], "key": "once"}
    to = browser.send(f"/runs/{show.judged.id}/retry", form).headers["location"]
    again = browser.send(f"/runs/{show.judged.id}/retry", form).headers["location"]
    models = models_of(show, to.removeprefix("/runs/"))

    assert again == to
    assert "gp_classifier" not in models
    assert {model for model, state in models.items() if state is JobState.QUEUED} == {"tabnet", "deepfm"}
    assert list(models.values()).count(JobState.COMPLETED) == 14


def test_what_has_a_result_is_not_retried(browser: Browser, show: Showcase) -> None:
    answer = browser.send(f"/runs/{show.judged.id}/retry", {"m": ["xgboost"], "key": "k2"})
    assert answer.status_code == 422
    assert "xgboost" in answer.text


def test_a_priority_is_a_number_in_its_range_and_of_a_run_that_goes_on(
    browser: Browser, show: Showcase
) -> None:
    path = f"/runs/{show.running.id}/priority"
    assert browser.send(path, {"priority": "7"}).status_code == 303
    assert run_rows.get(show.context.engine, show.running.id).priority == 7
    assert [browser.send(path, {"priority": given}).status_code for given in ("101", "x", "")] == [422] * 3
    assert browser.send(f"/runs/{show.judged.id}/priority", {"priority": "1"}).status_code == 409


def test_an_admin_pauses_a_schedule_and_resumes_it(browser: Browser, show: Showcase) -> None:
    assert "What is due meanwhile is not caught up later" in browser.page("/schedules/nightly/pause")
    assert browser.send("/schedules/nightly/pause", {}).headers["location"] == "/schedules"
    assert "paused since" in browser.page("/schedules")
    (paused,) = schedule_statuses(show.context)
    assert paused.pause is not None
    assert (paused.pause.by, paused.is_overdue, paused.problem) == ("local", False, "")

    browser.send("/schedules/nightly/resume", {})

    assert "paused since" not in browser.page("/schedules")
    assert browser.send("/schedules/nightli/pause", {}).status_code == 404


def test_what_is_wrong_with_a_schedule_names_its_commands_as_code(browser: Browser, show: Showcase) -> None:
    (status,) = schedule_statuses(show.context)
    with writing(show.context.engine) as connection:
        connection.execute(
            text("INSERT OR REPLACE INTO schedules VALUES ('nightly', :rule, '2026-03-01 12:00:00')"),
            {"rule": str(status.schedule.rule)},
        )

    for path in ("/", "/schedules"):
        assert "nobody looks: <code>bakeoff up</code>, or <code>celery -A tasks beat</code>" in browser.page(
            path
        )


def test_labels_are_added_and_taken_away_and_find_the_run(browser: Browser, show: Showcase) -> None:
    path = f"/runs/{show.judged.id}/labels"
    assert browser.send(path, {"label": "for the paper"}).headers["location"] == path
    assert browser.send(path, {"label": "a,b"}).status_code == 422
    found = json.loads(browser.page("/runs.json?label=for+the+paper"))
    assert [(row["runId"], row["labels"]) for row in found] == [(show.judged.id, "for the paper")]
    assert "for the paper" in browser.page(f"/runs/{show.judged.id}")

    browser.send(path, {"remove": "for the paper"})

    assert json.loads(browser.page("/runs.json?label=for+the+paper")) == []


def test_a_program_labels_a_run_and_finds_it(browser: Browser, show: Showcase) -> None:
    path = f"/api/ml/evaluations/{show.grid.id}/labels"
    added = browser.ask("POST", path, json={"labels": ["a/b", "champion"]})
    assert (added.status_code, added.json()["labels"]) == (200, ["a/b", "champion"])
    assert browser.ask("POST", path, json={"labels": ["champion"]}).json() == added.json()
    found = browser.ask("GET", "/api/ml/evaluations?label=champion").json()["items"]
    assert [one["runId"] for one in found] == [show.grid.id]

    assert browser.ask("DELETE", f"{path}/a/b").json()["labels"] == ["champion"]
    assert browser.ask("DELETE", f"{path}/a/b").status_code == 404
    refused = browser.ask("POST", path, json={"labels": ["new", "a,b"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.labels")
    assert browser.ask("GET", path).json()["labels"] == ["champion"]


def test_a_program_pauses_a_schedule_and_the_log_says_so(browser: Browser, show: Showcase) -> None:
    path = "/api/ml/schedules/nightly"
    paused = browser.ask("POST", f"{path}/pause").json()
    assert (paused["name"], paused["pausedBy"], paused["overdue"]) == ("nightly", "local", False)
    assert browser.ask("POST", f"{path}/pause").json()["pausedAt"] == paused["pausedAt"]
    assert "paused since" in browser.page("/schedules")
    assert browser.ask("GET", "/api/ml/schedules").json()["items"] == [paused]

    assert browser.ask("POST", f"{path}/resume").json()["pausedAt"] is None
    missing = browser.ask("POST", "/api/ml/schedules/nightli/pause")
    assert (missing.status_code, "did you mean 'nightly'" in missing.text) == (404, True)
    entries = audit_rows.page(show.context.engine, limit=10)
    assert ("POST", f"{path}/resume", 200) in [(one.method, one.path, one.status) for one in entries]


def test_cancelling_says_what_stays_and_stops_the_rest(browser: Browser, show: Showcase) -> None:
    assert "1 queued job will not start, and 2 running jobs" in browser.page(
        f"/runs/{show.running.id}/cancel"
    )
    assert models_of(show, show.running.id)["knn_15"] is JobState.QUEUED
    assert (
        browser.send(f"/runs/{show.running.id}/cancel", {}).headers["location"] == f"/runs/{show.running.id}"
    )
    assert models_of(show, show.running.id)["knn_15"] is JobState.CANCELLED
    assert browser.send(f"/runs/{show.judged.id}/cancel", {}).status_code == 409


def test_who_chooses_nobody_gets_all_that_learn_such_a_target(browser: Browser) -> None:
    assert browser.page("/runs/new").count("checked") == 0
    assert browser.page("/runs/new?m=forest").count("checked") == 1
    assert "4 of 4 candidates to fit" in browser.page("/runs/plan?dataset=wine&metrics=accuracy")


def test_the_plan_is_shown_before_a_run_is_started(browser: Browser, show: Showcase) -> None:
    asked = "dataset=credit-default&m=logistic&m=forest&name=mine&seed=3"
    before = len(json.loads(browser.page("/runs.json")))
    plan = browser.page(f"/runs/plan?{asked}")
    assert "3 of 3 candidates to fit" in plan
    assert 'name="seed" value="3"' in plan
    assert len(json.loads(browser.page("/runs.json"))) == before

    form = {"dataset": "credit-default", "m": ["logistic", "forest"], "name": "mine", "seed": "3", "key": "k"}
    to = browser.send("/runs/new", form).headers["location"]
    run = run_rows.get(show.context.engine, to.removeprefix("/runs/").removesuffix("/jobs"))
    assert (run.name, run.seed) == ("mine", 3)
    assert set(models_of(show, run.id)) == {"dummy", "logistic", "forest"}
    assert browser.send("/runs/new", form).headers["location"] == to


def test_the_form_has_what_a_request_may_say_and_keeps_it(browser: Browser, show: Showcase) -> None:
    asked = (
        "dataset=credit-default&m=forest&folds=3&repeats=2&stratify=no&threshold=tuned&falsePositive=1"
        "&falseNegative=10&strict=yes&baseline=no&priority=4"
        "&tune=%7B%22forest%22%3A+%7B%22params%22%3A+%7B%22max_depth%22%3A+%5B3%2C+9%5D%7D%2C+%22trials%22%3A+2%7D%7D"
    )
    plan = browser.page(f"/runs/plan?{asked}")
    assert "1 of 1 candidate to fit" in plan
    assert "3 folds, 2 times" in plan
    form = browser.page(f"/runs/new?{asked}")
    assert 'name="repeats" type="number" placeholder="once" value="2"' in form
    assert 'name="stratify" value="no" checked' in form
    assert form.count('<details class="more" open>') == 3

    fields = {name: values[-1] for name, values in parse_qs(asked).items()}
    to = browser.send("/runs/new", {**fields, "key": "all of it"}).headers["location"]
    run = run_rows.get(show.context.engine, to.removeprefix("/runs/").removesuffix("/jobs"))
    (job,) = job_queries.of_run(show.context.engine, run.id)
    assert (run.dataset.design.folds, run.dataset.design.repeats, run.dataset.design.stratify) == (
        3,
        2,
        False,
    )
    assert (run.rules.tuned, run.priority, run.baseline_id) == (True, 4, None)
    assert run.rules.costs is not None
    assert (run.rules.costs.false_positive, run.rules.costs.false_negative) == (1, 10)
    assert job.candidate.tune is not None
    assert dict(job.candidate.tune.params) == {"max_depth": [3, 9]}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("dataset=nope", "there is no dataset"),
        ("dataset=credit-default&m=nope", "nope"),
        ("dataset=credit-default&seed=many", "expected a number"),
        ("dataset=/etc/passwd", "there is no dataset"),
        ("dataset=credit-default&threshold=high", "Threshold is"),
        ("dataset=credit-default&tune=forest", "which is no JSON"),
        ("dataset=credit-default&foldColumn=nowhere", "nowhere"),
    ],
)
def test_a_wrong_request_is_told_before_anything_is_read(browser: Browser, asked: str, said: str) -> None:
    answer = browser.get(f"/runs/plan?{asked}")
    assert answer.status_code in {404, 422}
    assert said in answer.text.replace("&#x27;", "'").replace("There is", "there is")


def test_a_user_may_not_say_what_is_saved(show: Showcase, browser: Browser) -> None:
    token = add(show.context.configuration.tokens_file, "ada", Role.USER)
    try:
        user = Browser(show.context)
        user.send("/login", {"token": token, "next": "/"}, seen_at="/login")
        assert 'name="save"' not in user.page("/runs/new")
        answer = user.send("/runs/new", {"dataset": "credit-default", "m": ["logistic"], "save": "best"})
        assert answer.status_code == 403
    finally:
        show.context.configuration.tokens_file.unlink()


def test_who_changed_what_is_written_down_before_it_is_done(browser: Browser, show: Showcase) -> None:
    token = add(show.context.configuration.tokens_file, "eve", Role.USER)
    boss = add(show.context.configuration.tokens_file, "boss", Role.ADMIN)
    try:
        user, admin = Browser(show.context), Browser(show.context)
        user.send("/login", {"token": token, "next": "/"}, seen_at="/login")
        admin.send("/login", {"token": boss, "next": "/"}, seen_at="/login")
        user.send(f"/runs/{show.queued.id}/priority", {"priority": "3"})
        user.send("/models/credit-default/rollback", {})
        path = f"/api/ml/evaluations/{show.judged.id}"
        user.ask("DELETE", path, headers={"Authorization": f"Bearer {token}"})
        rows = json.loads(admin.page("/audit.json?name=eve"))

        assert [(row["method"], row["path"], row["status"]) for row in rows] == [
            ("DELETE", path, 409),
            ("POST", "/models/credit-default/rollback", 403),
            ("POST", f"/runs/{show.queued.id}/priority", 303),
        ]
        assert rows[2]["ledTo"] == f"/runs/{show.queued.id}"
        assert user.get("/audit").status_code == 403
    finally:
        show.context.configuration.tokens_file.unlink()


def test_what_cannot_be_written_down_is_not_done(
    browser: Browser, show: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"form_token": browser.form_token("/settings"), "priority": "9"}

    def full(*_: object, **given: object) -> int:
        raise InfrastructureError("the disk is full")

    monkeypatch.setattr(audit_rows, "begin", full)
    answer = browser.ask("POST", f"/runs/{show.queued.id}/priority", headers=OURS, data=form)
    assert answer.status_code == 503
    assert run_rows.get(show.context.engine, show.queued.id).priority != 9


def test_no_action_follows_from_an_address_alone(browser: Browser, show: Showcase) -> None:
    for path in ("cancel", "retry", "priority"):
        browser.get(f"/runs/{show.queued.id}/{path}")
        assert browser.ask("POST", f"/runs/{show.queued.id}/{path}", headers=OURS).status_code == 403
    assert set(models_of(show, show.queued.id).values()) == {JobState.QUEUED}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dataset": "credit-default", "race": "yes"}, "such as <code>folds: 5</code>"),
        ({"dataset": "credit-default", "folds": "3", "group": "whom"}, "Group: there is no column"),
        ({"dataset": "credit-default", "tune": "tree.max_depth=1..3"}, "which is no JSON"),
    ],
)
def test_what_was_wrong_in_a_form_is_changed_there_and_nothing_is_entered_twice(
    browser: Browser, asked: dict[str, str], said: str
) -> None:
    answer = browser.get(f"/runs/plan?{urlencode(asked)}")
    sent = browser.send("/runs/new", {**asked, "key": "k9"})
    back = f'href="/runs/new?{urlencode(asked)}"'.replace("&", "&amp;")

    assert (answer.status_code, sent.status_code) == (422, 422)
    assert said in answer.text
    assert back in answer.text
    assert back in sent.text
