"""`bakeoff report`, and what it draws from: a real run of candidates that answer differently."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.parsed_markup import parsed
from fixtures.places import ROOT
from fixtures.servers import warm

from bakeoff.operations.context import Context
from bakeoff.operations.runs.run_report import curve_records, read_report
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs.results import curve_rows

if TYPE_CHECKING:
    import subprocess

CATALOG = """
models:
  logistic: {path: "sklearn.linear_model:LogisticRegression", params: {max_iter: 5000}}
  margin: {path: "sklearn.linear_model:RidgeClassifier"}
  labels: {path: "models/labels.py:Labels"}
  fragile: {path: "models/labels.py:Fragile"}
"""
PLUGIN = """
import numpy as np

class Labels:
    def fit(self, X, y):
        return self
    def predict(self, X):
        return (np.asarray(X)[:, 0] < 15).astype(int)

class Fragile(Labels):
    def predict(self, X):
        if len(X) == 1:
            raise ValueError("not one row")
        print("predicting")
        return super().predict(X)
    def predict_proba(self, X):
        raise RuntimeError("no probabilities today")
"""


@dataclass(frozen=True)
class Reported:
    folder: Path
    context: Context
    run_id: str

    def bakeoff(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return _bakeoff(self.folder, *arguments)


def _bakeoff(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return warm.run(
        [sys.executable, "-m", "bakeoff.cli.main", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=90,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    folder = tmp_path_factory.mktemp("report")
    for name, text in {
        "config/bakeoff.yaml": "datasets:\n  cancer: {source: sklearn, name: breast_cancer}\n",
        "config/models.yaml": CATALOG,
        "models/labels.py": PLUGIN,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    done = _bakeoff(folder, "run", "cancer", "--name", "tonight")
    assert done.returncode == 0, done.stdout + done.stderr
    context = Context(load(folder / "config" / "bakeoff.yaml", environment={}))
    [run_id] = {job["runId"] for job in json.loads(_bakeoff(folder, "show", "--json").stdout)["leaderboard"]}
    return Reported(folder, context, run_id)


def result_of(place: Reported, model: str) -> Any:
    standings = read_report(place.context.engine, place.run_id).standings
    return next(standing.result for standing in standings if standing.result.model_id == model)


def curves_of(place: Reported) -> dict[str, dict[str, Any]]:
    return {one["modelId"]: one for one in curve_records(place.context.engine, place.run_id)}


def test_curves_are_kept_although_no_metric_asked_for_probabilities(place: Reported) -> None:
    curves = curves_of(place)
    assert set(curves["logistic"]) >= {"roc", "precisionRecall", "atThreshold", "calibration"}
    assert curves["logistic"]["roc"]["area"] > 0.95
    assert "calibration" not in curves["margin"]
    assert curves["margin"]["roc"]["area"] > 0.95
    assert set(curves) == {"logistic", "margin", "dummy"}


def test_latency_is_kept_of_who_can_predict_one_row(place: Reported) -> None:
    latency = result_of(place, "logistic").cost.latency
    assert (latency.one_row.rows, latency.batch.rows) == (1, 143)
    assert 0 < latency.one_row.p50 <= latency.one_row.p99 < 5


def test_who_fails_when_asked_for_more_keeps_its_result(place: Reported) -> None:
    fragile = result_of(place, "fragile")
    assert fragile.metrics["f1"] == result_of(place, "labels").metrics["f1"]
    assert (fragile.cost.latency, fragile.details["warnings"]) == (None, [])
    log = place.context.configuration.log_of(place.run_id, fragile.evaluation_id).read_text()
    assert log.count("predicting") == 1


def test_a_retry_takes_the_curves_over(place: Reported) -> None:
    done = place.bakeoff("run", "cancer", "--models", "logistic", "--name", "again")
    assert done.returncode == 0, done.stderr
    [again] = {
        job["runId"] for job in json.loads(place.bakeoff("show", "again", "--json").stdout)["leaderboard"]
    }
    stored = curve_rows.of_run(place.context.engine, again)
    assert curves_of(place)["logistic"]["roc"] in [one["roc"] for one in stored.values()]


def test_html_goes_to_a_file_that_says_who_won(place: Reported) -> None:
    done = place.bakeoff("report", "tonight")
    file = place.folder / f"report-{place.run_id[:8]}.html"
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"{file.name}: ")
    elements = parsed(file.read_text("utf-8"))
    said = [one.text for one in elements if one.name in {"h2", "h3", "pre"}]
    assert {"ROC", "Calibration", "Jobs", "How this was made"} <= set(said)
    verdict = read_report(place.context.engine, place.run_id).verdict
    assert verdict is not None
    assert f"bakeoff reproduce {place.run_id} {verdict.recommended}" in said
    assert not list(place.folder.glob("*.part"))


def test_a_report_replaces_nothing_that_is_no_file_and_goes_where_a_link_leads(place: Reported) -> None:
    os.mkfifo(place.folder / "pipe")
    (place.folder / "link.md").symlink_to("linked.md")

    refused = place.bakeoff("report", "tonight", "--format", "md", "-o", "pipe")
    assert refused.returncode == 2
    assert "pipe is no file that could be written: name another one, or `-` for standard" in refused.stderr
    assert (place.folder / "pipe").is_fifo()
    assert place.bakeoff("report", "tonight", "-o", "link.md").returncode == 0
    assert (place.folder / "link.md").is_symlink()
    assert (place.folder / "linked.md").read_text("utf-8").startswith("## tonight\n")


def test_the_end_of_the_file_decides_the_format(place: Reported) -> None:
    assert place.bakeoff("report", "tonight", "-o", "pr.md").returncode == 0
    assert (place.folder / "pr.md").read_text("utf-8").startswith("## tonight\n")
    record = json.loads(place.bakeoff("report", "tonight", "--format", "json").stdout)
    assert record["run"]["runId"] == place.run_id
    assert {one["modelId"] for one in record["curves"]} == {"logistic", "margin"}
    assert len(record["timeline"]) == 5
    refused = place.bakeoff("report", "tonight", "-o", "report.doc")
    assert (refused.returncode, "say which with --format" in refused.stderr) == (2, True)


def test_a_gate_fails_after_the_report_was_written(place: Reported) -> None:
    passed = place.bakeoff("report", "tonight", "-o", "a.md", "--fail-on", "worse")
    assert passed.returncode == 0
    assert "passed: nothing to compare with" in passed.stderr
    refused = place.bakeoff("report", "tonight", "-o", "b.md", "--fail-on", "worse", "--candidate", "logistc")
    assert refused.returncode == 2
    assert "did you mean 'logistic'" in refused.stderr
    assert (place.folder / "b.md").exists()
    held = ("--candidate", "labels", "--against", "logistic")
    failed = place.bakeoff("report", "tonight", "-o", "c.md", "--fail-on", "not-better", *held)
    assert (failed.returncode, "labels is" in failed.stderr, "logistic" in failed.stderr) == (1, True, True)
