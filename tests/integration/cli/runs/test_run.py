"""`bakeoff run` and `bakeoff retry`: what they refuse, how they wait, and a whole bake-off."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Outcome, Project
from fixtures.servers import warm
from fixtures.values.samples import a_run
from fixtures.values.stored import states

from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import run_rows

CATALOG = """
models:
  tree: {path: "sklearn.tree:DecisionTreeClassifier"}
  stub: {path: "sklearn.dummy:DummyClassifier", enabled: false}
  bad: {path: models/bad.py:Bad, enabled: false}
  line: {path: "sklearn.linear_model:LinearRegression"}
"""
BAD = """
class Bad:
    def fit(self, X, y):
        print("about to fail")
        raise ValueError("no luck")
    def predict(self, X):
        return X
"""


@pytest.fixture
def ready(project: Project) -> Project:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "datasets:\n  iris: {source: sklearn, name: iris}\n  wine: {source: sklearn, name: wine}\n"
    )
    (project.root / "config" / "models.yaml").write_text(CATALOG)
    (project.root / "models").mkdir()
    (project.root / "models" / "bad.py").write_text(BAD)
    return project


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def bakeoff(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return warm.run(
        [sys.executable, "-m", "bakeoff.cli.main", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = warm.Popen(
        [sys.executable, "-m", "bakeoff.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    rescue = threading.Timer(60, process.kill)
    rescue.start()
    try:
        with process:
            yield process
    finally:
        rescue.cancel()
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "error: which dataset? there are iris, wine; `bakeoff run NAME`, or "),
        (["run", "iris", "--dataset", "wine"], "error: the dataset is named twice, iris and wine: "),
        (["run", "iris", "--eval-workers", "11"], "command line (--eval-workers): evalWorkers is 11: "),
        (["run", "iris", "--timeout", "0"], "command line (--timeout): evaluationTimeout is 0.0: "),
        (["run", "iris", "--test-size", "1.5"], "--test-size is 1.5: input should be less than 1"),
        (
            ["run", "iris", "--average", "mean"],
            "average is 'mean': input should be 'binary', 'macro', 'micro' or ",
        ),
        (["run", "iris", "--save", "bets"], "save is 'bets': input should be 'none', 'best' or 'all'"),
        (
            ["run", "iris", "--threshold", "tune"],
            "is 'tune': input should be a valid number or input should be 'tuned'; did you mean 'tuned'?",
        ),
        (["run", "iris", "--seed", "x"], "Invalid value for '--seed'"),
        (["run", "iris", "--priority", "101"], "priority is 101: input should be less than or equal to 100"),
    ],
)
def test_wrong_options_are_refused_before_anything_starts(
    ready: Project, arguments: list[str], said: str
) -> None:
    done = ready.bakeoff(*arguments, env={"COLUMNS": "200"})

    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not (ready.root / "data" / "redis").exists()


@pytest.mark.parametrize("command", ["run iris", "run iris --in-process", "plan iris"])
def test_a_typo_in_a_metric_is_refused_before_anything_is_loaded_or_started(
    ready: Project, command: str
) -> None:
    """scikit-learn alone would take a second; the candidates and the data would come on top of it."""
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from bakeoff.cli.main import app\n"
        f"said = CliRunner().invoke(app, {[*command.split(), '--metrics', 'f1,acuracy']})\n"
        "slow = {'sklearn', 'scipy', 'pandas', 'celery', 'sqlalchemy'}\n"
        "slow |= {'registry.catalog.try_out_candidates'}\n"
        "print(said.exit_code, sorted(slow & sys.modules.keys()), said.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("2 [] error: unknown metric 'acuracy': did you mean accuracy")
    assert not (ready.root / "data" / "redis").exists()


def test_the_next_run_on_the_same_data_starts_without_loading_what_reads_data_or_judges(
    ready: Project,
) -> None:
    """These would take a third of a second."""
    start = ["run", "iris", "--models", "tree", "--detach", "--no-worker"]
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from bakeoff.cli.main import app\n"
        f"said = CliRunner().invoke(app, {start})\n"
        "print(said.exit_code, sorted({'pandas', 'scipy', 'sklearn'} & sys.modules.keys()))\n"
    )
    first = bakeoff(*start)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True
    )

    assert first.returncode == 0
    assert done.stdout == "0 []\n"


def test_what_cannot_run_is_refused_and_leaves_no_run(ready: Project) -> None:
    unknown = bakeoff("run", "iris", "--no-worker", "--models", "tre")
    nowhere = bakeoff("run", "irs", "--no-worker")

    assert [unknown.returncode, nowhere.returncode] == [2, 2]
    assert unknown.stderr == (
        "error: there is no candidate 'tre' to run: did you mean 'tree'? there are tree, line\n"
    )
    assert nowhere.stderr.startswith("error: there is no dataset irs in the configuration, ")
    assert run_rows.page(ready.engine, limit=1) == []


def test_a_rejected_candidate_is_told_of_once(ready: Project) -> None:
    catalog = ready.root / "config" / "models.yaml"
    catalog.write_text(catalog.read_text() + "  typo: {path: 'sklearn.dummy:DummyClasifier'}\n")

    started_run = bakeoff("run", "iris", "--detach", "--no-worker")
    listed = bakeoff("models")

    assert (started_run.stdout + started_run.stderr).count("typo") == 1
    assert "candidate typo, version 1.9.1, was rejected: " in started_run.stderr
    assert (listed.stdout + listed.stderr).count("typo") == 1


def test_a_broker_that_cannot_be_reached_is_told_at_once(
    ready: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_BROKER_URL", "redis://127.0.0.1:1/0")
    done = bakeoff("run", "iris")

    assert done.returncode == 4
    assert done.stderr == (
        "error: the broker redis://127.0.0.1:1/0 cannot be reached: start it, or correct brokerUrl\n"
    )
    assert run_rows.page(ready.engine, limit=1) == []


def test_without_a_worker_it_says_so_and_ctrl_c_leaves_the_run_alone(ready: Project) -> None:
    with started("run", "iris", "--no-worker", "--name", "spring") as process:
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("waiting: "):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().splitlines()
        assert process.wait(30) == 0

    (summary,) = run_rows.page(ready.engine, limit=9)
    assert lines == [
        "checking the candidates and reading the data",
        f"run        spring  {summary.run.id}",
        "data       iris  112 rows to train, 38 to test, 4 features",
        "target     target  multiclass, 3 classes (0, 1, 2)",
        "scored by  f1, precision, recall, accuracy  macro average  seed 0",
        "left out   since the target is classes: line",
        *[line for line in lines if line.startswith("warning")],
        "waiting: no worker reads the queue evaluations: start one with `bakeoff worker`",
    ]
    short = summary.run.id[:8]
    assert rest == [
        "detached: the run goes on",
        f"  bakeoff show {short} -f   watch it",
        f"  bakeoff cancel {short}    stop it",
    ]
    assert states(ready.engine, summary.run) == ["queued", "queued"]


def test_detached_as_json_it_answers_with_the_run_alone(ready: Project) -> None:
    options = ("--detach", "--no-worker", "--no-baseline", "--with", "stub", "--priority", "-7", "--json")
    done = bakeoff("run", "wine", *options)

    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert (said["run"]["status"], said["run"]["datasetName"]) == ("queued", "wine")
    assert said["run"]["priority"] == -7
    (summary,) = run_rows.page(ready.engine, limit=9)
    assert summary.jobs == {JobState.QUEUED: 2}


def test_a_whole_bake_off_ends_with_its_leaderboard_and_code_3_when_one_fails(ready: Project) -> None:
    done = bakeoff("run", "iris", "--with", "bad", "--metrics", "accuracy,f1", "--json")

    said = json.loads(done.stdout)
    assert done.returncode == 3, done.stderr
    assert said["run"]["status"] == "partial"
    assert [row["modelId"] for row in said["leaderboard"]] == ["tree", "dummy"]
    assert [row["beatsBaseline"] for row in said["leaderboard"]] == [True, None]
    assert [(row["modelId"], row["error"]["message"]) for row in said["failed"]] == [("bad", "no luck")]
    assert re.search(r"^bad: failed in [\d.]+ s: ValueError: no luck$", done.stderr, re.MULTILINE)
    assert ready.bakeoff("logs", "latest", "bad").stdout == "about to fail\n"


def test_the_winner_is_saved_before_its_run_says_that_it_is_over(ready: Project) -> None:
    done = bakeoff("run", "iris", "--models", "tree", "--save", "best", "--save-as", "flowers", "--json")

    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (said["run"]["save"], said["run"]["saveAs"]) == ("best", "flowers")
    [model] = said["saving"]["models"]
    assert (said["saving"]["state"], model["modelId"], model["uri"]) == (
        "done",
        "tree",
        "models:/flowers/1.0.0",
    )
    assert said["saving"]["promotion"] is None
    shown = ready.bakeoff("show", "latest").stdout
    assert "saves      the best model as flowers\n" in shown
    assert "\n\nsaved      flowers 1.0.0 (tree)\n" in shown


def test_what_is_not_kept_is_not_saved(ready: Project) -> None:
    done = ready.bakeoff("run", "iris", "--in-process", "--save", "best")

    assert done.exit_code == 2
    assert "--save can do nothing with --in-process" in done.stderr


def test_retry_takes_over_what_there_is_and_queues_the_rest(ready: Project) -> None:
    run = a_run(name="spring", dataset=ready.pin())
    ready.fill(run, [Outcome(model="good", f1=0.5), Outcome(model="poor", state=JobState.FAILED)])

    done = bakeoff("retry", "latest", "--detach", "--no-worker", "--json")

    said = json.loads(done.stdout)["run"]
    assert done.returncode == 0
    assert (said["name"], said["retryOf"]) == ("spring", run.id)
    assert (said["jobs"]["completed"], said["jobs"]["queued"]) == (1, 1)


def test_retry_of_a_run_that_has_all_its_results_is_refused(ready: Project) -> None:
    ready.fill(a_run(), [Outcome(model="good", f1=0.5)])

    done = bakeoff("retry", "latest", "--no-worker")

    assert done.returncode == 2
    assert "nothing is left to retry: `bakeoff run` evaluates them anew" in done.stderr
    assert len(run_rows.page(ready.engine, limit=9)) == 1


@pytest.mark.parametrize(
    "option",
    [
        ["--timeout", "5"],
        ["--eval-workers", "2"],
        ["--priority", "1"],
        ["--repeat-check"],
        ["--detach"],
        ["--no-worker"],
    ],
)
def test_what_needs_cells_is_refused_in_process(ready: Project, option: list[str]) -> None:
    done = bakeoff("run", "iris", "--in-process", *option)

    assert done.returncode == 2
    assert f"error: {option[0]} can do nothing with --in-process" in done.stderr


def test_retry_of_a_run_whose_snapshot_is_gone_is_refused(ready: Project) -> None:
    ready.fill(a_run(), [Outcome(model="poor", state=JobState.FAILED)])

    said = ready.bakeoff("retry", "latest", "--detach", "--no-worker")

    assert said.exit_code == 2
    assert "is not there any more: start a new run of the dataset" in said.stderr
    assert len(run_rows.page(ready.engine, limit=10)) == 1


def test_retry_of_a_run_that_goes_on_is_refused(ready: Project) -> None:
    ready.fill(a_run(), [Outcome(model="good", state=JobState.QUEUED)])

    done = bakeoff("retry", "latest", "--no-worker")

    assert done.returncode == 2
    assert "wait for its end, or `bakeoff cancel` it first" in done.stderr
