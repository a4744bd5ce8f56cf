"""One run is scored by every hostile metric there is, beside honest ones, in one worker."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.places import PLUGINS
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.servers import warm

from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Result
from bakeoff.store.bakeoffs.results import verdict_rows

pytestmark = pytest.mark.timeout(600)

MODULE = "metric_gallery"

#: What the metric is told to have done, instead of a value.
UNDEFINED = {
    "crashes": "crashed: ",
    "hangs": "took longer than 2 s",
    "exits": "ended its process with exit code 0",
    "leaves": "ended its process with exit code 3",
    "raises": "failed: RuntimeError: no licence",
    "returns_nan": "is undefined for these predictions: nan",
    "returns_text": "failed: TypeError: it returned '0.99', expected a number",
    "returns_an_array": "failed: TypeError: it returned ndarray of shape (1,), expected a number",
    "returns_nothing": "failed: TypeError: ",
    "allocates": "ran out of memory",
    "forges": "failed: ",
}

#: What has a value all the same: it harms nobody.
DEFINED = {
    "forks": 1.0,
    "starts_a_thread": 1.0,
    "prints": 1.0,
    "mutates": 1.0,
    "kills_its_parent": None,
    "reads_the_database": 0.0,
    "reads_the_configuration": 0.0,
    "reads_the_data": 0.0,
    "reads_logs": 0.0,
    "reads_the_environment": 0.0,
    "writes_beside_itself": 0.0,
    "uses_the_network": 0.0,
}


@dataclass(frozen=True)
class Scored:
    job: Job
    result: Result
    log: str

    def warning_of(self, metric: str) -> str:
        said = [one for one in self.result.details["warnings"] if one.startswith(f"{MODULE}:{metric} ")]
        return said[0].removeprefix(f"{MODULE}:{metric} ") if said else ""


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    candidates = {"means": {"path": "Means"}, "other": {"path": "Means", "params": {"spread": 0.2}}}
    with ExitStack() as stack:
        project = stack.enter_context(
            a_project(candidates, metricTimeout=2, memoryLimitMb=400, preload=["sklearn"])
        )
        shutil.copy(PLUGINS / f"{MODULE}.py", project.folder)
        with warm.children_by_exec():
            stack.enter_context(project.worker(SECRET_OF_THE_WORKER="hidden"))
        yield project


@pytest.fixture(scope="module")
def scored(project: Project) -> Scored:
    wanted = [f"{MODULE}:{name}" for name in ("honest", *UNDEFINED, *DEFINED, "cost")]
    run_id = project.run("means", metrics=["accuracy", *wanted, "f1"])
    job = project.job(run_id, "means")
    assert job.error is None
    return Scored(job, project.results(run_id)["means"], project.log(run_id, "means"))


@pytest.mark.parametrize(("metric", "says"), UNDEFINED.items())
def test_what_a_metric_does_costs_its_own_column_and_the_reason_is_told(
    scored: Scored, metric: str, says: str
) -> None:
    assert scored.result.metrics[f"{MODULE}:{metric}"] is None
    assert scored.warning_of(metric).startswith(says)


@pytest.mark.parametrize(("metric", "value"), [(k, v) for k, v in DEFINED.items() if v is not None])
def test_a_metric_reaches_nothing_but_the_labels_and_the_predictions_of_its_job(
    scored: Scored, metric: str, value: float
) -> None:
    assert scored.result.metrics[f"{MODULE}:{metric}"] == value


def test_the_other_metrics_of_the_candidate_count(scored: Scored) -> None:
    metrics: dict[str, Any] = dict(scored.result.metrics)

    assert metrics["accuracy"] == metrics[f"{MODULE}:honest"]
    assert metrics["f1"] is not None
    assert scored.result.intervals[f"{MODULE}:honest"].low < metrics["accuracy"]
    assert list(metrics)[:2] == ["accuracy", f"{MODULE}:honest"]


def test_one_that_kills_its_parent_ends_neither_the_job_nor_the_worker(scored: Scored) -> None:
    assert scored.job.attempt == 1
    assert scored.result.metrics[f"{MODULE}:kills_its_parent"] is None
    # The kernel refuses it; one without Landlock's scopes lets it end its parent, and so itself.
    assert scored.warning_of("kills_its_parent").startswith(("failed: PermissionError: ", "crashed: "))


def test_what_it_prints_is_in_the_log_of_the_job(scored: Scored) -> None:
    assert "hello from a metric" in scored.log


def test_a_metric_says_itself_that_less_is_better_and_the_verdict_follows_it(project: Project) -> None:
    run_id = project.run("means", "other", metrics=[f"{MODULE}:cost", "accuracy"])
    costs = {name: values[f"{MODULE}:cost"] for name, values in project.metrics(run_id).items()}
    verdict = wait_for(lambda: verdict_rows.of_run(project.engine, run_id), "the verdict")

    assert not verdict.greater_is_better
    assert verdict.metric == f"{MODULE}:cost"
    assert costs["means"] != costs["other"]
    assert verdict.corrected_score is not None
    assert verdict.corrected_score.candidate == min(costs, key=costs.__getitem__)
    assert set(verdict.bands) == {"means", "other"}


def test_in_folds_and_with_seeds_it_is_computed_like_any_other_metric(project: Project) -> None:
    design = {"folds": 2, "seeds": 3}
    run_id = project.run("means", metrics=["accuracy", f"{MODULE}:honest"], design=design)
    result = project.results(run_id)["means"]
    details: dict[str, Any] = dict(result.details)
    of_parts = [part["metrics"] for name in ("folds", "seeds") for part in details[name]]

    assert result.metrics["accuracy"] == pytest.approx(result.metrics[f"{MODULE}:honest"])
    assert len(of_parts) == 6 + 3
    assert all(one["accuracy"] == pytest.approx(one[f"{MODULE}:honest"]) for one in of_parts)
