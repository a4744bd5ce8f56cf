"""`bakeoff init`, `config`, `models`, `datasets`, `db`, `doctor`, and the command itself."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from fixtures.places import ROOT
from fixtures.projects.command_line import Project, a_mixed_run
from fixtures.servers.machines import a_redis
from typer.testing import CliRunner

import bakeoff.cli.command_table
from bakeoff.cli.main import app
from bakeoff.domain.errors import NotFoundError
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.store.database.schema_version import HEAD
from registry import ModelRegistry
from tasks import celery, enqueue


def by_subject(said: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in json.loads(said):
        found.setdefault(finding["subject"], []).append((finding["level"], finding["message"]))
    return found


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that no project is in or above."""
    for name in [name for name in os.environ if name.startswith("BAKEOFF_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_project_is_there_and_says_how_to_go_on(project: Project) -> None:
    said = project.bakeoff("init", "new")

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "made new/config/bakeoff.yaml",
        "made new/config/models.yaml",
        "made new/models/my_model.py",
        "made new/.gitignore",
        "",
        "next:  cd new && bakeoff run     a first bake-off, on a toy dataset",
        "       bakeoff show --errors  its leaderboard again, with all errors",
        "       bakeoff datasets add NAME FILE --target COLUMN  your own data, then `bakeoff run NAME`",
    ]


def test_a_new_project_has_one_dataset_and_candidates_that_load(project: Project) -> None:
    project.bakeoff("init", "new")

    datasets = json.loads(project.bakeoff("datasets", "--json", "--config", "new/config").stdout)
    models = json.loads(project.bakeoff("models", "--json", "--config", "new/config").stdout)

    assert [dataset["name"] for dataset in datasets] == ["breast_cancer"]
    assert [candidate["modelId"] for candidate in models["candidates"]] == [
        "my_model",
        "logistic_regression",
        "ridge",
        "lda",
        "knn",
        "decision_tree",
        "random_forest",
        "hist_gradient_boosting",
        "linear_regression",
        "random_forest_regressor",
    ]
    assert (models["disabled"], models["rejected"]) == ([], [])


def test_a_new_project_suits_the_machine_and_starts_no_run_by_itself(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    project.bakeoff("init", "large")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    project.bakeoff("init", "small")

    settings = [
        json.loads(said.stdout)["settings"]
        for folder in ("large", "small")
        if (said := project.bakeoff("config", "--json", "--config", f"{folder}/config"))
    ]
    assert [(one["evalWorkers"]["value"], one["schedules"]["value"]) for one in settings] == [
        (10, {}),
        (1, {}),
    ]


def test_a_new_project_keeps_its_data_out_of_git_but_leaves_rules_that_are_there(project: Project) -> None:
    project.bakeoff("init", "new")
    (project.root / "mine").mkdir()
    (project.root / "mine" / ".gitignore").write_text("*.csv\n")
    said = project.bakeoff("init", "mine")

    assert (project.root / "new" / ".gitignore").read_text() == "data/\n"
    assert (project.root / "mine" / ".gitignore").read_text() == "*.csv\n"
    assert ".gitignore" not in said.stdout


def test_init_overwrites_nothing(project: Project) -> None:
    (project.root / "models").mkdir()
    (project.root / "models" / "my_model.py").write_text("mine")
    (project.root / "config" / "bakeoff.yaml").unlink()

    said = project.bakeoff("init")

    assert said.exit_code == 2
    assert "nothing was written: models/my_model.py; name another folder" in said.stderr
    assert (project.root / "models" / "my_model.py").read_text() == "mine"
    assert not (project.root / "config" / "bakeoff.yaml").exists()


def test_a_project_is_found_from_any_folder_below_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = project.root / "notebooks" / "2026"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)

    root = json.loads(project.bakeoff("config", "--json").stdout)["root"]
    ModelRegistry()

    assert root == str(project.root)
    assert (project.root / "data" / "models" / "registry" / "registry.db").is_file()
    assert list(deep.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "run iris",
        "run iris --in-process",
        "plan iris",
        "runs",
        "show",
        "models",
        "datasets",
        "config",
        "db upgrade",
        "gc",
        "registry list",
        "schedules",
        "worker",
        "api",
        "up",
        "api token ada",
    ],
)
def test_outside_a_project_a_command_says_how_to_make_one_and_makes_nothing(
    outside: Path, command: str
) -> None:
    said = CliRunner().invoke(app, command.split(), catch_exceptions=False)

    assert said.exit_code == 2
    assert said.stderr.startswith(
        f"error: there is no project in {outside}: neither it nor a folder above it"
    )
    assert "`bakeoff init` makes a project here" in said.stderr
    assert list(outside.iterdir()) == []


def test_outside_a_project_the_doctor_says_how_to_make_one(outside: Path) -> None:
    said = CliRunner().invoke(app, ["doctor"], catch_exceptions=False)

    assert (said.exit_code, "`bakeoff init` makes a project here" in said.stdout) == (1, True)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("make", [ModelRegistry, lambda: enqueue.start_run(RunRequest(dataset="iris"))])
def test_outside_a_project_python_makes_nothing_either(
    outside: Path, make: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "_chosen", [])
    with pytest.raises(NotFoundError, match=r"there is no project in .* `bakeoff init` makes a project here"):
        make()

    assert list(outside.iterdir()) == []


def test_a_project_above_that_another_user_has_left_is_not_taken(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outside / "config").mkdir()
    (outside / "config" / "bakeoff.yaml").touch()
    below = outside / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    if os.geteuid() == 0:
        os.chown(outside / "config" / "bakeoff.yaml", 1234, 1234)
    else:
        monkeypatch.setattr("os.geteuid", lambda: 1234)

    assert CliRunner().invoke(app, ["runs"], catch_exceptions=False).exit_code == 2


def test_config_says_where_each_value_came_from(project: Project) -> None:
    said = project.bakeoff("config", "--json", env={"BAKEOFF_SEED": "7"})
    settings = json.loads(said.stdout)["settings"]

    assert settings["evalWorkers"] == {
        "value": 2,
        "origin": "file",
        "meaning": "evaluations that run at once on one machine",
    }
    assert (settings["seed"]["value"], settings["seed"]["origin"]) == (7, "environment")
    assert settings["maxAttempts"]["origin"] == "default"


@pytest.mark.parametrize("arguments", [["config"], ["config", "--json"], ["doctor"], ["datasets", "--json"]])
def test_passwords_are_never_printed(project: Project, arguments: list[str]) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "brokerUrl: redis://:hidden1@127.0.0.1:1/0\n"
        "databaseUrl: postgresql+psycopg://me:hidden2@127.0.0.1:1/x?password=hidden3\n"
        "datasets:\n  d: {source: sql, url: 'sqlite://u:hidden4@h/x', query: SELECT 1, target: t}\n"
    )

    said = project.bakeoff(*arguments)

    assert "hidden" not in said.output
    assert "***" in said.output


def test_config_may_stand_before_or_after_the_command(project: Project) -> None:
    other = project.root / "other" / "config"
    other.mkdir(parents=True)
    (other / "bakeoff.yaml").write_text("evalWorkers: 9\n")

    before = project.bakeoff("--config", "other/config", "config", "--json")
    after = project.bakeoff("config", "--json", "--config", "other/config/bakeoff.yaml")
    neither = project.bakeoff("config", "--json")

    values = [json.loads(s.stdout)["settings"]["evalWorkers"]["value"] for s in (before, after, neither)]
    assert values == [9, 9, 2]


def test_the_reference_names_every_setting_with_its_default_and_bounds(project: Project) -> None:
    page = project.bakeoff("config", "--markdown").stdout

    assert (
        "| `evalWorkers` | `BAKEOFF_EVAL_WORKERS` | `3` | at least 1, at most 10 "
        "| evaluations that run at once on one machine |\n"
    ) in page
    assert "| `brokerUrl` | `BAKEOFF_BROKER_URL` | `null` |  | Redis URL; null: " in page
    assert "| `splitColumn` | column with the values train and test |\n" in page


def test_models_shows_the_ready_the_disabled_and_the_rejected(project: Project) -> None:
    (project.root / "config" / "models.yaml").write_text(
        "models:\n"
        "  good: {path: 'sklearn.dummy:DummyClassifier', description: Plain}\n"
        "  off: {path: 'sklearn.dummy:DummyRegressor', enabled: false}\n"
        "  bad: {path: 'nowhere.at.all:Thing', version: '2'}\n"
    )

    said = project.bakeoff("models")
    record = json.loads(project.bakeoff("models", "--json").stdout)

    assert said.stdout.splitlines()[1].split() == [
        "good",
        "1.9.1",
        "classes",
        "sklearn.dummy:DummyClassifier",
        "Plain",
    ]
    assert [row["learns"] for row in record["candidates"] + record["disabled"]] == ["classes", None]
    assert "✗ bad 2  nowhere.at.all:Thing\n" in said.stdout
    assert "  fix: " in said.stdout
    assert "1 ready, 1 disabled, 1 rejected (--all shows them); from " in said.stdout
    assert "off" not in said.stdout.split()
    assert [row["modelId"] for row in record["disabled"]] == ["off"]
    assert [row["modelId"] for row in record["rejected"]] == ["bad"]
    assert "nowhere" in record["rejected"][0]["cause"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_models_ends_with_1_for_a_rejection_if_it_is_asked_to(
    project: Project, form: tuple[str, ...]
) -> None:
    good = "good: {path: 'sklearn.dummy:DummyClassifier'}"
    bad = "bad: {path: 'nowhere.at.all:Thing'}"
    catalog = project.root / "config" / "models.yaml"

    catalog.write_text(f"models:\n  {good}\n  {bad}\n")
    lenient, strict = project.bakeoff("models", *form), project.bakeoff("models", "--strict", *form)
    catalog.write_text(f"models:\n  {good}\n")
    healthy = project.bakeoff("models", "--strict", *form)

    assert [lenient.exit_code, strict.exit_code, healthy.exit_code] == [0, 1, 0]
    assert strict.stdout == lenient.stdout


def test_all_shows_the_disabled_models_too(project: Project) -> None:
    (project.root / "config" / "models.yaml").write_text(
        "models:\n  off: {path: 'sklearn.dummy:DummyRegressor', enabled: false}\n"
    )

    said = project.bakeoff("models", "--all").stdout.splitlines()

    assert said[1] == "disabled: `bakeoff run --with ID` adds one to a run"
    assert said[3].split() == ["off", "1.9.1", "sklearn.dummy:DummyRegressor"]
    assert said[-1].startswith("0 ready, 1 disabled, 0 rejected; from ")


def test_models_shows_signal_models_with_what_their_voices_weigh(project: Project) -> None:
    _write_signal_models(project)

    said = project.bakeoff("models").stdout.splitlines()
    record = json.loads(project.bakeoff("models", "--json").stdout)

    assert said[3] == "signal models: `bakeoff signals generate` runs them"
    assert [line.split()[:6] for line in said[4:7]] == [
        ["model", "version", "weight", "saved", "models", "from"],
        ["momentum", "v1.1", "0.6", "fitted", "models/mine.py:Mine", "Up"],
        ["value", "v1.0", "0.4", "fitted", "models/mine.py:Mine"],
    ]
    assert said[-1].startswith("3 ready, 1 disabled, 0 rejected")
    assert record["ensemble"] == {
        "conflictStrategy": "conservative",
        "minAgreement": 0.5,
        "minConfidence": 0.6,
        "flagConflicts": True,
        "weights": {"momentum": 0.6, "value": 0.4},
    }


def test_a_signal_model_cannot_be_taken_along_into_a_bake_off(project: Project) -> None:
    _write_signal_models(project)

    said = project.bakeoff("run", "iris", "--no-worker", "--with", "mood")

    assert said.exit_code == 2
    assert "mood is a signal model, which takes part in no bake-off" in said.stderr
    assert "`bakeoff signals generate`" in said.stderr


def _write_signal_models(project: Project) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "datasets:\n  iris: {source: sklearn, name: iris}\n"
    )
    (project.root / "config" / "models.yaml").write_text(
        "models:\n"
        "  tree: {path: 'sklearn.dummy:DummyClassifier'}\n"
        "  momentum: {kind: signal, path: models/mine.py:Mine, version: v1.1, weight: 0.6, description: Up}\n"
        "  value: {kind: signal, path: models/mine.py:Mine, version: v1.0, weight: 0.4}\n"
        "  mood: {kind: signal, path: models/mine.py:Mine, weight: 0.0, enabled: false}\n"
        "ensemble: {conflict_strategy: conservative}\n"
    )
    (project.root / "models").mkdir()
    (project.root / "models" / "mine.py").write_text(
        "class Mine:\n"
        "    artefacts = ('fitted',)\n"
        "    def __init__(self, data, artefacts): ...\n"
        "    def generate_signals(self, symbols, as_of): return []\n"
        "    def explain(self, symbol): return {}\n"
    )


def test_a_catalog_that_is_missing_or_wrong_is_code_2(project: Project) -> None:
    missing = project.bakeoff("models")
    (project.root / "config" / "models.yaml").write_text("models:\n  a: {pth: x}\n")
    wrong = project.bakeoff("models")

    assert (missing.exit_code, wrong.exit_code) == (2, 2)
    assert "models.yaml" in missing.stderr
    assert "pth" in wrong.stderr


def test_datasets_are_listed(project: Project) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "datasets:\n"
        "  a: {source: sklearn, name: iris}\n"
        "  b: {source: csv, path: b.csv, target: y, task: regression}\n"
    )

    assert project.bakeoff("datasets").stdout.splitlines() == [
        "dataset  source   target         task        from",
        "a        sklearn  of the source  inferred    iris",
        "b        csv      y              regression  b.csv",
    ]


def test_without_datasets_it_says_how_to_name_one(project: Project) -> None:
    assert "`bakeoff datasets add NAME FILE --target COLUMN`" in project.bakeoff("datasets").stdout


def test_db_says_which_schema_there_is(project: Project) -> None:
    assert json.loads(project.bakeoff("db", "current", "--json").stdout) == {
        "current": HEAD,
        "needed": HEAD,
        "registry": None,
    }
    assert project.bakeoff("db", "upgrade").stdout.endswith(f"has schema {HEAD}: up to date\n")


def test_db_current_makes_no_database_and_db_upgrade_does(project: Project) -> None:
    project.engine.dispose()
    for file in (project.root / "data").iterdir():
        file.unlink()

    before = project.bakeoff("db", "current").stdout
    assert before == "there is no database yet: `bakeoff run` makes it\n"
    assert list((project.root / "data").iterdir()) == []
    project.bakeoff("db", "upgrade")
    assert json.loads(project.bakeoff("db", "current", "--json").stdout)["current"] == HEAD


def test_a_healthy_project_passes_the_doctor(project: Project) -> None:
    (project.root / "config" / "models.yaml").write_text(
        "models:\n  a: {path: 'sklearn.dummy:DummyClassifier'}\n"
    )
    a_mixed_run(project)

    said = project.bakeoff("doctor", "--json")

    findings = by_subject(said.stdout)
    assert said.exit_code == 0
    assert [level for level, _ in findings["database"]] == ["ok"]
    assert findings["database"][0][1].endswith(f"schema {HEAD}, WAL")
    assert findings["jobs"] == [("ok", "0 running, 0 queued")]
    assert findings["catalog"] == [("ok", "1 candidate ready, 0 disabled")]
    assert findings["broker"] == [
        ("ok", "the embedded Redis is not running: `bakeoff run` and `bakeoff worker` start it")
    ]
    assert {"Python", "libraries", "platform", "cells", "disk"} <= findings.keys()


def test_the_doctor_names_what_is_wrong_and_the_cure_and_ends_with_1(project: Project) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "brokerUrl: redis://127.0.0.1:1/0\n"
        "evalWorkers: 10\nmaxRunning: 2\nleaseSeconds: 30\nevaluationTimeout: 5\nmemoryLimitMb: 90000000\n"
        "datasets:\n  gone: {source: csv, path: gone.csv, target: y}\n"
    )
    (project.root / "config" / "models.yaml").write_text("models:\n  bad: {path: 'nowhere.at.all:Thing'}\n")

    said = project.bakeoff("doctor")
    lines = " ".join(said.stdout.split())

    assert said.exit_code == 1
    assert "✗ broker redis://127.0.0.1:1/0 does not answer → start that Redis, or correct brokerUrl" in lines
    assert "maxRunning is 2, less than the 10 of evalWorkers: slots stay empty" in lines
    assert "leaseSeconds is 30, longer than evaluationTimeout, 5" in lines
    assert "memoryLimitMb is 90000000, times 10 evalWorkers more than the " in lines
    assert f"✗ datasets gone: there is no file {project.root}/gone.csv" in lines
    assert "0 candidates ready, 0 disabled: there is nothing to evaluate" in lines
    assert "! catalog bad was rejected: " in lines


@pytest.mark.parametrize("login", ["", ":wrong@"])
def test_a_redis_that_wants_another_password_is_not_called_away(
    project: Project, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    with a_redis() as url, redis.Redis.from_url(url) as server:
        server.config_set("requirepass", "right")
        monkeypatch.setenv("BAKEOFF_BROKER_URL", url.replace("//", f"//{login}"))
        looked, began = project.bakeoff("doctor"), project.bakeoff("run", "iris")

    said = "takes no messages: it wants another user or password than brokerUrl gives"
    assert said in " ".join(looked.stdout.split())
    assert "does not answer" not in looked.stdout
    assert (looked.exit_code, began.exit_code) == (1, 4)
    assert said in began.stderr
    assert ":wrong@" not in looked.stdout + began.stderr


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ("null", "of several machines, and sharedDir is not set: each machine has snapshots of its own"),
        ("mnt", "✗ sharedDir there is no folder {root}/mnt → mount it, or make it, or correct sharedDir"),
        ("/sys", "✗ sharedDir /sys cannot be written to: Permission denied → give this user the right"),
        ("config", "✓ sharedDir {root}/config can be written to"),
    ],
)
def test_the_doctor_looks_for_a_folder_that_all_machines_see(
    project: Project, shared: str, said: str
) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "brokerUrl: redis://127.0.0.1:1/0\ndatabaseUrl: postgresql+psycopg://me@127.0.0.1:1/x\n"
        f"sharedDir: {shared}\n"
    )

    lines = " ".join(project.bakeoff("doctor").stdout.split())

    assert said.format(root=project.root) in lines
    assert ("sharedDir is not set" in lines) is (shared == "null")


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("file", "✗ dataDir {root}/file cannot be written to: Not a directory → give this user the right"),
        ("file/below", "✗ dataDir {root}/file cannot be written to: Not a directory"),
        ("/sys/below", "✗ dataDir /sys cannot be written to: Permission denied"),
    ],
)
def test_the_doctor_says_so_where_nothing_can_be_written_to_data_dir(
    project: Project, folder: str, said: str
) -> None:
    (project.root / "file").touch()

    looked = project.bakeoff("doctor", env={"BAKEOFF_DATA_DIR": folder})
    lines = " ".join(looked.stdout.split())

    assert looked.exit_code == 1
    assert said.format(root=project.root) in lines
    assert "make room" not in lines


def test_the_doctor_reports_settings_that_cannot_be_read(project: Project) -> None:
    said = project.bakeoff("doctor", "--json", env={"BAKEOFF_EVAL_WORKER": "3"})

    assert said.exit_code == 1
    ((level, message),) = by_subject(said.stdout)["settings"]
    assert level == "fail"
    assert message.startswith("the environment sets BAKEOFF_EVAL_WORKER, which is no setting: did you mean ")


def test_the_doctor_survives_a_broken_database(project: Project) -> None:
    project.engine.dispose()
    for file in (project.root / "data").iterdir():
        file.write_bytes(b"no database at all " * 500)

    said = project.bakeoff("doctor", "--json")

    assert said.exit_code == 1
    assert [level for level, _ in by_subject(said.stdout)["database"]] == ["fail"]
    assert "datasets" in by_subject(said.stdout)


def test_every_command_says_the_same_in_the_list_and_in_its_own_help(project: Project) -> None:
    listed = {entry.name: entry.summary for entry in bakeoff.cli.command_table._ENTRIES}

    for name, summary in listed.items():
        page = " ".join(project.bakeoff(name, "--help").stdout.split())
        assert summary in page, name


def test_an_unknown_command_gets_the_nearest_one(project: Project) -> None:
    said = project.bakeoff("modles")

    assert said.exit_code == 2
    assert "Did you mean 'models'" in said.stderr


def test_a_bug_is_not_dressed_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.store.bakeoffs.run_rows.page", None)

    with pytest.raises(TypeError):
        project.bakeoff("runs")


TWO_COMMANDS = """
import typer
app = typer.Typer(rich_markup_mode="rich")
@app.command()
def one() -> None: "One."
@app.command()
def two() -> None: "Two."
app()
"""


def cpu_seconds(*command: str) -> float:
    """What the processor did for it, however busy the machine is with others."""
    before = os.times()
    subprocess.run(
        [sys.executable, *command, "--help"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_help_takes_little_more_than_an_empty_program(tmp_path: Path) -> None:
    """Best of seven, taken in turns."""
    other = tmp_path / "two.py"
    other.write_text(TWO_COMMANDS)
    pairs = [(cpu_seconds("-m", "bakeoff.cli.main"), cpu_seconds(str(other))) for _ in range(7)]
    ours, theirs = map(min, zip(*pairs, strict=True))

    assert ours <= 1.2 * theirs


def test_help_imports_nothing_heavy() -> None:
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bakeoff.cli.main", "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    imported = {line.rpartition("|")[2].strip() for line in said.stderr.splitlines()}
    heavy = {"sqlalchemy", "celery", "redis", "pandas", "numpy", "sklearn", "pydantic", "yaml"}
    assert heavy & imported == set()


def test_the_version_is_printed() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bakeoff.cli.main", "--version"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert said.stdout == "bakeoff 0.1.0\n"
