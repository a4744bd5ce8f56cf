"""Pipelines of imbalanced-learn, skrub and category_encoders take part as their authors write them.

The data have text, missing values, and few rows of the class that matters.
"""

from collections.abc import Iterator
from io import StringIO

import numpy as np
import pytest
import yaml
from fixtures.projects.project import Project, a_project
from rich.console import Console

from bakeoff.cli.output.runs.metric_details import details, of_model
from bakeoff.cli.output.runs.show_run_report import show_report
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.runs.run_report import read_report
from bakeoff.store.bakeoffs import run_rows

MODEL = {"path": "sklearn.linear_model:LogisticRegression", "params": {"max_iter": 500}}
CANDIDATES = {
    "oversampled": {"steps": [{"path": "imblearn.over_sampling:SMOTE"}, MODEL]},
    "vectorized": {
        "steps": [{"path": "skrub:TableVectorizer"}, {"path": "sklearn.impute:SimpleImputer"}, MODEL]
    },
    "encoded": {
        "steps": [
            {"path": "category_encoders:TargetEncoder", "params": {"cols": ["city"]}},
            {"path": "sklearn.impute:SimpleImputer"},
            {"path": "imblearn.under_sampling:RandomUnderSampler"},
            MODEL,
        ]
    },
    "forest": {"path": "imblearn.ensemble:BalancedRandomForestClassifier", "params": {"n_estimators": 10}},
}


@pytest.fixture(scope="module")
def ended() -> Iterator[tuple[Project, str, RunVerdict]]:
    chance = np.random.default_rng(5)
    sources = {"source": "csv", "path": "rows.csv", "target": "fraud"}
    libraries = ["imblearn", "skrub", "category_encoders"]  # once for all cells: each takes a second
    with a_project({}, datasets={"payments": sources}, preload=libraries) as project:
        rows = ["amount,age,city,fraud"]
        for amount, age, city, noise in zip(
            *chance.normal(size=(2, 1500)), chance.integers(0, 5, 1500), chance.normal(size=1500), strict=True
        ):
            fraud = amount + (city == 3) + noise > 3.0
            shown = "" if abs(age) < 0.1 else f"{age:.4f}"
            rows.append(f"{amount:.4f},{shown},town {city},{'yes' if fraud else 'no'}")
        (project.folder / "rows.csv").write_text("\n".join(rows) + "\n")
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": CANDIDATES}))
        with project.worker():
            run_id = project.run(*CANDIDATES, dataset="payments", baseline=True)
            verdict = wait_for_verdict(project.context, run_id)
        assert verdict is not None
        yield project, run_id, verdict


def test_each_is_fitted_with_its_samplers_and_encoders_as_they_stand(
    ended: tuple[Project, str, RunVerdict],
) -> None:
    project, run_id, _ = ended
    failed = {name: job.error for name, job in project.jobs(run_id).items() if job.error}

    assert failed == {}
    scores = {name: metrics["roc_auc"] for name, metrics in project.metrics(run_id).items()}
    assert all(score > 0.8 for name, score in scores.items() if name != "dummy"), scores


def test_it_is_told_which_of_them_prepare_the_data_themselves(ended: tuple[Project, str, RunVerdict]) -> None:
    project, run_id, _ = ended
    results = project.results(run_id)

    assert {name for name, one in results.items() if one.details.get("preparesItself")} == {
        "vectorized",
        "encoded",
    }
    shown = StringIO()
    console = Console(file=shown, width=200)
    report = read_report(project.engine, run_id)
    for name in ("encoded", "oversampled"):
        console.print(*details(of_model(report, name)[0]))
    assert shown.getvalue().count("prepared  by itself") == 1
    show_report(report, console)
    (told,) = [
        line for line in shown.getvalue().splitlines() if line.startswith("prepared   by themselves: ")
    ]
    assert set(told.split(": ")[1].split(", ")) == {"vectorized", "encoded"}


def test_where_few_rows_carry_the_result_the_order_is_scored_and_accuracy_is_put_into_place(
    ended: tuple[Project, str, RunVerdict],
) -> None:
    project, run_id, verdict = ended
    rules = run_rows.get(project.engine, run_id).rules
    accuracies = {name: metrics["accuracy"] for name, metrics in project.metrics(run_id).items()}
    [below] = [one for one in verdict.findings if one.slug == "below-dummy"]

    assert rules.metrics == ("f1", "precision", "recall", "accuracy", "roc_auc", "average_precision")
    assert accuracies["dummy"] > 0.9
    assert set(below.candidates) == {
        name for name, accuracy in accuracies.items() if accuracy < accuracies["dummy"]
    }
    assert "oversampled" in below.candidates
    assert "of always answering the most frequent class" in below.message
