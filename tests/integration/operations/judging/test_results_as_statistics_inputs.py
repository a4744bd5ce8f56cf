"""Nobody is called best for guessing: always answering the positive class is a baseline, too."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import yaml
from fixtures.projects.project import Project, a_project

from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.runs.run_report import read_report

CANDIDATES = {
    "tree": {"path": "sklearn.tree:DecisionTreeClassifier"},
    "line": {"path": "sklearn.linear_model:LogisticRegression"},
}


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """With labels that say nothing of the data, and with some that do; 45 % of them are positive."""
    chance = np.random.default_rng(3)
    rows = ["a,b,noise,known"]
    for a, b, noise in chance.normal(size=(1600, 3)):
        drawn, known = ("yes" if value > 0.126 else "no" for value in (noise, a + 0.8 * noise))
        rows.append(f"{a:.4f},{b:.4f},{drawn},{known}")
    sources = {
        target: {"source": "csv", "path": "rows.csv", "target": target, "features": ["a", "b"]}
        for target in ("noise", "known")
    }
    with a_project({}, datasets=sources) as project, project.worker():
        (project.folder / "rows.csv").write_text("\n".join(rows) + "\n")
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": CANDIDATES}))
        yield project


def verdict_of(project: Project, dataset: str, **request: Any) -> RunVerdict:
    run_id = project.start("tree", "line", dataset=dataset, baseline=True, **request)
    assert project.wait_for_end(run_id) == "completed"
    verdict = wait_for_verdict(project.context, run_id)
    assert verdict is not None
    return verdict


@pytest.mark.parametrize("request_", [{}, {"design": {"folds": 5}}, {"seal": 0.2}], ids=str)
def test_of_noise_nobody_is_best_although_the_dummy_has_an_f1_of_zero(
    project: Project, request_: dict[str, Any]
) -> None:
    verdict = verdict_of(project, "noise", metrics=["f1"], **request_)

    assert verdict.recommended is None
    assert verdict.sentence.startswith("No candidate is shown to beat always answering 'yes' by f1 on "), (
        verdict.sentence
    )
    assert "not-better-than-baseline" in {finding.slug for finding in verdict.findings}


def test_who_knows_something_beats_that_answer_too(project: Project) -> None:
    verdict = verdict_of(project, "known", metrics=["f1"])

    assert verdict.recommended == "line"
    beaten = {
        one.reference for one in verdict.references if one.candidate == "line" and one.outcome == "better"
    }
    assert beaten == {"dummy", "always answering 'yes'"}


@pytest.mark.parametrize("metric", ["accuracy", "recall", "roc_auc"])
def test_by_other_metrics_the_dummy_is_baseline_enough(project: Project, metric: str) -> None:
    verdict = verdict_of(project, "known", metrics=[metric])

    assert {one.reference for one in verdict.references} == {"dummy"}


def test_the_leaderboard_says_that_a_candidate_beats_the_baseline_only_if_it_beats_each(
    project: Project,
) -> None:
    beating = {}
    for dataset in ("noise", "known"):
        run_id = project.start("tree", "line", dataset=dataset, baseline=True, metrics=["f1"])
        assert project.wait_for_end(run_id) == "completed"
        wait_for_verdict(project.context, run_id)
        standings = read_report(project.context.engine, run_id).standings
        beating[dataset] = {row.result.model_id: row.beats_baseline for row in standings}

    assert not any(beating["noise"].values())
    assert beating["known"]["line"]
