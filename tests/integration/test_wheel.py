"""The wheel in a fresh environment, in projects whose own names are those that Bakeoff once took."""

import json
import sqlite3
import textwrap
import zipfile

import pytest
from fixtures.places import ROOT

from bakeoff.store.database.schema_version import HEAD

DOMAIN = "THRESHOLD = 0.5\n"
CANDIDATE = """
import api
import cli
import config.columns
import domain
import numpy as np
import store.rows
import tasks
from api import routes
from registry.interface import Model


class Mine(Model):
    def fit(self, X, y):
        self.answer = [tasks.mine(), domain.THRESHOLD, store.rows.KEPT, config.columns.USED, routes.ALL]
        self.answer.append(cli.NAME)
        self.most = np.bincount(y).argmax()
        return self

    def predict(self, X):
        print("all of them are mine:", *self.answer)
        return np.full(len(X), self.most)
"""
FILES = {
    "domain.py": DOMAIN,
    "tasks.py": "def mine():\n    return 'tasks'\n",
    "cli.py": "NAME = 'cli'\n",
    "config/columns.py": "USED = 'config'\n",
    "store/__init__.py": "",
    "store/rows.py": "KEPT = 'store'\n",
    "api/__init__.py": "",
    "api/routes.py": "ALL = 'api'\n",
    "models/mine.py": CANDIDATE,
    "config/bakeoff.yaml": """
        metrics: [tasks_metric:share]
        datasets:
          wine: {source: sklearn, name: wine}
    """,
    "tasks_metric.py": """
        import domain, store.rows

        def share(y_true, y_pred):
            return float((y_true == y_pred).mean() > domain.THRESHOLD)
    """,
    "config/models.yaml": """
        models:
          mine: {path: "models.mine:Mine"}
          by_file: {path: "models/mine.py:Mine"}
          shipped: {path: "models.baseline:Baseline"}
    """,
}


@pytest.fixture
def project(tmp_path):
    for name, content in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(content))
    return tmp_path


def test_the_wheel_holds_what_the_pages_are_made_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    web = ROOT / "bakeoff" / "web"
    needed = [*(web / "templates").rglob("*.html"), *(web / "static").rglob("*.*")]
    assert len(needed) > 10
    assert {file.relative_to(ROOT).as_posix() for file in needed} - names == set()


def test_the_wheel_holds_four_packages_and_nothing_else_at_the_top(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "bakeoff",
        "models",
        "registry",
        "tasks",
    }
    assert "models/__init__.py" not in names  # a namespace, which the models/ of a project joins
    assert {"bakeoff/py.typed", "registry/py.typed", "bakeoff/migrations/env.py"} <= set(names)
    assert "bakeoff/migrations/versions/0001_runs_and_jobs.py" in names


def test_a_project_with_packages_of_the_names_of_ours_runs_a_bake_off(installed, project):
    listed = installed.run("bakeoff", "models", "--json", cwd=project)
    done = installed.run("bakeoff", "run", "wine", "--json", cwd=project)

    assert json.loads(listed.stdout)["rejected"] == [], listed.stdout
    report = json.loads(done.stdout)
    assert report["failed"] == []
    assert {row["modelId"] for row in report["leaderboard"]} >= {"mine", "by_file", "shipped"}
    assert {row["metrics"]["tasks_metric:share"] for row in report["leaderboard"]} <= {0.0, 1.0}
    logs = [file.read_text() for file in project.glob("data/logs/*/*.log")]
    said = "all of them are mine: tasks 0.5 store config api cli"
    assert sum(said in log for log in logs) == 2


def test_a_script_beside_a_module_named_domain_uses_the_registry(installed, tmp_path):
    (tmp_path / "domain.py").write_text(DOMAIN)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").touch()
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            import domain
            import tasks
            from registry import ModelRegistry

            import bakeoff

            class Constant:
                def predict(self, X):
                    return [domain.THRESHOLD for _ in X]

            registry = ModelRegistry()
            saved = registry.save_model(Constant(), "constant", metrics={"f1": domain.THRESHOLD})
            print(registry.load_model(saved).predict([1, 2]), bakeoff.ModelPredictor.__name__, tasks.__name__)
            """
        )
    )
    done = installed.run("python", "script.py", cwd=tmp_path)

    assert (done.stdout, done.returncode) == ("[0.5, 0.5] ModelPredictor tasks\n", 0), done.stderr


def test_a_script_compares_estimators_and_its_prompt_goes_on_with_the_result(installed, tmp_path):
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            import bakeoff
            from sklearn.datasets import load_iris
            from sklearn.tree import DecisionTreeClassifier

            class Always:
                def fit(self, X, y): ...

                def predict(self, X):
                    return [1] * len(X)

            X, y = load_iris(return_X_y=True)
            result = bakeoff.compare([DecisionTreeClassifier(), Always], X, y)
            """
        )
    )
    done = installed.run(
        "python",
        "-q",
        "-i",
        "script.py",
        cwd=tmp_path,
        env={"XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdin="sorted(result.leaderboard.index)\nresult.errors\n",
    )

    assert done.stdout == "['Always', 'DecisionTreeClassifier', 'dummy']\nno errors\n", done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("bakeoff:")][2:] != []


def test_the_installed_wheel_upgrades_a_database(installed, project):
    done = installed.run("bakeoff", "db", "upgrade", cwd=project)

    assert done.stdout.endswith(f"has schema {HEAD}: up to date\n"), done.stdout + done.stderr
    with sqlite3.connect(project / "data" / "bakeoff.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
