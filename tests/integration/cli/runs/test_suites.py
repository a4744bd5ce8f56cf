"""`bakeoff suites`, `label`, and `schedules pause`, without any worker: jobs are ended by hand."""

import json
import time
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from fixtures.projects.command_line import Project, a_mixed_run
from fixtures.projects.project import wait_for
from fixtures.values.samples import a_result
from fixtures.values.stored import PLENTY, an_error, sketches_of_scores

from bakeoff.notebook import configured_project
from bakeoff.operations.context import Context
from bakeoff.operations.suites.start_suite import new_suite, start_suite
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs, run_rows, schedule_slots, suite_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Holder

if TYPE_CHECKING:
    from bakeoff.notebook.project_session import ProjectSession

CONFIG = """
datasets:
  a: {source: csv, path: a.csv, target: y}
  b: {source: csv, path: b.csv, target: y}
suites:
  both: {datasets: [a, b], models: [one], metrics: [accuracy]}
schedules:
  nightly: {cron: "0 3 * * *", dataset: a}
"""
CATALOG = 'models: {one: {path: "sklearn.linear_model:RidgeClassifier"}}\n'


@pytest.fixture
def suites(project: Project) -> Project:
    (project.root / "config" / "bakeoff.yaml").write_text(CONFIG)
    (project.root / "config" / "models.yaml").write_text(CATALOG)
    for place, name in enumerate("ab"):
        lines = [f"{row + place / 10},{(row * 7) % 11},{row % 2}" for row in range(60)]
        (project.root / f"{name}.csv").write_text("\n".join(["x,z,y", *lines]) + "\n")
    return project


def end_jobs(project: Project, number: int, *, failing: str | None = None) -> None:
    """So many jobs, of runs that are started meanwhile; those of one dataset fail."""
    holder = Holder(node="here", worker="w1")
    for _ in range(number):
        taken = wait_for(
            lambda: claims.claim_next(project.engine, excluded=[], holder=holder, caps=PLENTY, lease_s=60),
            "a job",
        )
        if taken.run.dataset.name == failing:
            assert leased_jobs.fail(project.engine, taken.lease, an_error())
        else:
            score = 0.9 if taken.job.candidate.id == "one" else 0.5
            assert leased_jobs.complete(
                project.engine,
                taken.lease,
                a_result(taken.job, metrics={"accuracy": score}),
                sketches=sketches_of_scores(accuracy=score),
            )


class KilledError(BaseException):
    """In the place of a kill."""


def leave_half_started(project: Project) -> str:
    def killed(_: str, what: str) -> None:
        if what == "started":
            raise KilledError

    context = Context(load(project.root / "config" / "bakeoff.yaml", environment={}))
    suite = new_suite(context, "both")
    with pytest.raises(KilledError):
        start_suite(context, suite, progress=killed)
    return suite.id


@pytest.mark.parametrize(("failing", "code", "state"), [(None, 0, "completed"), ("b", 3, "incomplete")])
def test_a_suite_is_followed_to_its_end_and_the_exit_code_says_whether_all_is_there(
    suites: Project, failing: str | None, code: int, state: str
) -> None:
    worker = Thread(target=end_jobs, args=(suites, 4), kwargs={"failing": failing})
    worker.start()

    ran = suites.bakeoff("suites", "run", "both", "--no-worker", "--json")
    worker.join()

    assert ran.exit_code == code, ran.output
    assert json.loads(ran.stdout)["status"] == state
    followed = suites.bakeoff("suites", "show", "both", "--follow")
    assert followed.exit_code == code
    assert "a  " in followed.stdout
    assert suites.bakeoff("suites", "show", "both").exit_code == 0  # it only shows
    (listed,) = json.loads(suites.bakeoff("suites", "--json").stdout)
    assert listed["verdict"]["candidates"][0]["modelId"] == "one"


def test_fresh_is_refused_where_it_would_complete_a_suite_that_is_not(suites: Project) -> None:
    suite_id = leave_half_started(suites)

    refused = suites.bakeoff("suites", "run", "both", "--fresh", "--detach", "--no-worker")

    assert refused.exit_code == 2
    assert f"not all runs of suite {suite_id[:8]} are started yet" in refused.stderr
    assert "`bakeoff suites run both`" in refused.stderr
    assert not suite_rows.get(suites.engine, suite_id).is_started

    completed = suites.bakeoff("suites", "run", "both", "--detach", "--no-worker")
    assert completed.exit_code == 0
    assert f"suite {suite_id[:8]}: not all its runs are started yet" in completed.stdout
    assert suite_rows.get(suites.engine, suite_id).is_started


def test_an_unknown_suite_is_refused(suites: Project) -> None:
    refused = suites.bakeoff("suites", "run", "boths")

    assert (refused.exit_code, "did you mean 'both'" in refused.stderr) == (2, True)


def test_labels_are_given_listed_and_taken_away(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", nobody)  # as in a container whose user id has no name
    a_mixed_run(project)

    given = project.bakeoff("label", "latest", "keep", "for the paper")
    assert (given.exit_code, given.stdout) == (0, "for the paper, keep\n")
    mistyped = project.bakeoff("label", "latest", "keep", "papre", "--remove")
    assert mistyped.exit_code == 2
    assert "has no label 'papre', and none was removed" in mistyped.stderr
    nameless = project.bakeoff("label", "latest", "--remove")
    assert nameless.exit_code == 2
    assert "name the labels to remove" in nameless.stderr
    assert json.loads(project.bakeoff("label", "latest", "--json").stdout)["labels"] == [
        "for the paper",
        "keep",
    ]
    assert project.bakeoff("label", "latest", "keep", "for the paper", "--remove").stdout == "no labels\n"


def nobody() -> str:
    raise KeyError("uid not found")


def test_a_schedule_is_paused_and_resumed_by_name(suites: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", nobody)
    said = [
        suites.bakeoff("schedules", what, "nightly").stdout for what in ("pause", "pause", "resume", "resume")
    ]

    assert said == [
        "nightly is paused: `bakeoff schedules resume nightly` goes on with it\n",
        "nightly was paused already: `bakeoff schedules resume nightly` goes on with it\n",
        "nightly goes on\n",
        "nightly was not paused\n",
    ]
    suites.bakeoff("schedules", "pause", "nightly")
    assert schedule_slots.paused(suites.engine)["nightly"].by.startswith("user ")
    assert suites.bakeoff("schedules", "pause", "nightli").exit_code == 2


def test_one_time_limit_holds_for_all_runs_of_a_suite(
    suites: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    class Waiting:
        """A run that ends soon, and later one that does not."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def wait(self, timeout: float) -> None:
            waited.append(timeout)
            time.sleep(0.2)
            if len(waited) == 2:
                raise TimeoutError

    monkeypatch.setattr(configured_project, "BakeoffRun", Waiting)
    context = Context(load(suites.root / "config" / "bakeoff.yaml", environment={}))
    session = SimpleNamespace(context=context, worker=SimpleNamespace(ensure=lambda: None))

    with pytest.raises(TimeoutError, match="suite both is not over after 60 s; its runs go on"):
        configured_project.Project(cast("ProjectSession", session)).suite("both", timeout=60)

    assert 59 < waited[0] <= 60
    assert waited[1] < waited[0] - 0.15


def test_a_run_on_several_datasets_and_files_is_a_suite_that_is_called_like_them(suites: Project) -> None:
    (suites.root / "c.csv").write_text((suites.root / "a.csv").read_text())
    worker = Thread(target=end_jobs, args=(suites, 4))
    worker.start()

    ran = suites.bakeoff(
        *("run", "b,c.csv", "--target", "y", "--models", "one", "--metrics", "accuracy", "--folds", "2"),
        *("--no-worker", "--json"),
    )

    worker.join()
    assert ran.exit_code == 0, ran.stderr
    shown = json.loads(suites.bakeoff("suites", "show", "b,c", "--json").stdout)
    assert [member["dataset"] for member in shown["members"]] == ["b", "c"]
    runs = [run_rows.get(suites.engine, member["runId"]) for member in shown["members"]]
    assert [(run.name, run.dataset.design.folds) for run in runs] == [("b,c-b", 2), ("b,c-c", 2)]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["a,nowhere"], "nowhere"),
        (["a,"], "'a' is one dataset, and a suite judges over 2 at least"),
        (["a,b,a"], "'a' stands in it twice: each dataset counts once"),
        (["a,b", "--in-process"], "--in-process does not go with several datasets"),
        (["a,b", "--with", "two"], "name the candidates with --models"),
    ],
)
def test_what_no_suite_can_be_made_of_is_refused_and_nothing_is_started(
    suites: Project, arguments: list[str], problem: str
) -> None:
    ran = suites.bakeoff("run", *arguments, "--no-worker")

    assert ran.exit_code == 2
    assert problem in " ".join(ran.stderr.split())
    assert suite_rows.page(suites.engine, limit=1) == []
