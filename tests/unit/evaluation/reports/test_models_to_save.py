"""Which models of a run are saved, and what is taken over of what a cell left."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from fixtures.values.samples import DATASET, RULES, a_candidate, a_job, a_result, a_run

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.result import Cost, FittedModel, NotKept, Result
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.evaluation.jobs.accept_outputs import accept_model
from bakeoff.evaluation.jobs.evaluation_job import Scored, result_of
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.reports.models_to_save import Selection, description_of, select
from registry.columns.signature import ColumnSpec, ColumnType, Signature

RUN = a_run(baseline_id="dummy", state=RunState.COMPLETED)
SIGNATURE = Signature(inputs=(ColumnSpec(name="a", type=ColumnType.FLOAT),))
SAID: dict[str, Any] = {
    "type": "Tree",
    "hyperparameters": {"depth": 3},
    "signature": json.loads(json.dumps(SIGNATURE.to_json())),
    "input_example": {"columns": ["a"], "dtypes": ["float64"], "data": [[1.0]]},
    "feature_names": ["a"],
    "libraries": {"numpy": "2.4"},
}


def results(run: Run = RUN, **f1: float | None) -> list[Result]:
    jobs = [a_job(run, place, candidate=a_candidate(id=name)) for place, name in enumerate(f1)]
    return [a_result(job, metrics={"f1": value}) for job, value in zip(jobs, f1.values(), strict=True)]


def chosen(selection: Selection) -> tuple[list[str], str | None, str]:
    best = selection.best.model_id if selection.best else None
    return [result.model_id for result in selection.wanted], best, selection.remark


def a_verdict(recommended: str | None, *, best: str | None = None, sentence: str = "why") -> RunVerdict:
    return RunVerdict(
        metric="f1",
        greater_is_better=True,
        level=0.05,
        method="draws",
        seed=7,
        rows=100,
        best=best,
        recommended=recommended,
        sentence=sentence,
    )


def test_the_one_that_the_verdict_recommends_is_saved_though_another_scored_higher() -> None:
    verdict = a_verdict("tree", sentence="Two share first place. Take tree, the cheapest.")
    selection = select(RUN, results(dummy=0.1, tree=0.5, forest=0.75), SavePolicy.BEST, verdict)

    assert chosen(selection) == (["tree"], "tree", "Two share first place. Take tree, the cheapest.")


def test_of_one_that_is_shown_to_be_the_best_that_is_the_reason() -> None:
    verdict = a_verdict("forest", best="forest")

    assert chosen(select(RUN, results(tree=0.5, forest=0.75), SavePolicy.BEST, verdict)) == (
        ["forest"],
        "forest",
        "forest is shown to be the best",
    )


def test_all_are_saved_highest_first_but_for_the_baseline() -> None:
    verdict = a_verdict("tree", best="tree")
    selection = select(RUN, results(dummy=0.1, tree=0.5, stub=None, forest=0.75), SavePolicy.ALL, verdict)

    assert chosen(selection) == (
        ["forest", "tree", "stub"],
        "tree",
        "tree is shown to be the best",
    )


@pytest.mark.parametrize("policy", [SavePolicy.BEST, SavePolicy.ALL])
def test_where_the_verdict_recommends_nobody_there_is_no_best_one_and_it_says_why(policy: SavePolicy) -> None:
    verdict = a_verdict(None, sentence="tree is not shown to be better than dummy.")
    wanted, best, remark = chosen(select(RUN, results(dummy=0.5, tree=0.6), policy, verdict))

    assert wanted == (["tree"] if policy is SavePolicy.ALL else [])
    assert (best, remark) == (None, "tree is not shown to be better than dummy.")


def test_of_a_run_that_could_not_be_judged_nobody_is_the_best() -> None:
    assert chosen(select(RUN, results(tree=0.5), SavePolicy.BEST, None)) == (
        [],
        None,
        "the run could not be judged, so no candidate is the best one",
    )


def test_without_a_result_nothing_is_saved() -> None:
    assert chosen(select(RUN, results(dummy=0.5), SavePolicy.ALL, a_verdict(None))) == (
        [],
        None,
        "no candidate has a result",
    )


@pytest.mark.parametrize("policy", [SavePolicy.BEST, SavePolicy.ALL])
def test_of_a_cancelled_run_nothing_is_saved(policy: SavePolicy) -> None:
    cancelled = a_run(state=RunState.CANCELLED)

    assert chosen(select(cancelled, results(tree=0.5), policy, a_verdict("tree", best="tree"))) == (
        [],
        None,
        "the run was cancelled before its winner was known",
    )


def under_way(folder: Path) -> EvaluationUnderWay:
    return EvaluationUnderWay(
        job=a_job(RUN, candidate=a_candidate(id="tree", output_kind=OutputKind.PROBA)),
        run=RUN,
        paths=JobPaths(
            root=folder,
            closed=(),
            snapshot=folder / "snapshot",
            log=folder / "log",
            predictions=folder / "p.npy",
            model=folder / "t.pkl",
        ),
        grant=Grant(threads=1, memory_mb=None),
        permission=StopsNever(),
    )


def accepted(folder: Path, report: Any, *, preprocessor: bytes = b"") -> FittedModel | NotKept | None:
    (folder / "t.pkl").write_bytes(b"model")
    if preprocessor:
        (folder / "t.preprocessor.pkl").write_bytes(preprocessor)
    return accept_model(report, under_way(folder), threshold=None, classes=("no", "yes"))


def test_the_files_of_a_cell_are_hashed_and_what_it_said_is_kept(tmp_path: Path) -> None:
    fitted = accepted(tmp_path, {"fitted": {"description": SAID}}, preprocessor=b"scaler")

    assert fitted == FittedModel(
        file="t.pkl",
        digest=hashlib.sha256(b"model").hexdigest(),
        preprocessor="t.preprocessor.pkl",
        preprocessor_digest=hashlib.sha256(b"scaler").hexdigest(),
        description=SAID,
        metadata={
            "outputKind": "proba",
            "threshold": None,
            "positiveLabel": "yes",
            "average": "binary",
            "classes": ["no", "yes"],
            "target": "species",
            "targetKind": "binary",
            "seed": 0,
        },
    )
    assert json.loads(json.dumps(fitted.to_json())) == fitted.to_json()


def test_a_problem_that_a_cell_tells_is_a_model_that_is_not_kept_and_a_warning(tmp_path: Path) -> None:
    fitted = accepted(tmp_path, {"fitted": {"problem": "it is too shy" + "!" * 10_000}})

    assert isinstance(fitted, NotKept)
    assert len(fitted.problem) == 500
    cost = Cost(fit_s=0.0, predict_s=0.0, cpu_s=0.0, peak_memory_mb=0.0, granted_threads=1)
    scores = Scores(metrics={}, details={"warnings": ["one"], "classes": []}, sketches={}, curves={})
    result = result_of(under_way(tmp_path), Scored(scores=scores, cost=cost, fitted=fitted), duration_s=1.0)
    assert result.details == {"warnings": ["one", f"not saved: {fitted.problem}"], "classes": []}


@pytest.mark.parametrize(
    "report",
    [
        None,
        {},
        {"fitted": None},
        {"fitted": {"problem": 7}},
        {"fitted": {"description": None}},
        {"fitted": {"description": {**SAID, "more": 1}}},
        {"fitted": {"description": {key: SAID[key] for key in SAID if key != "type"}}},
        {"fitted": {"description": {**SAID, "type": 7}}},
        {"fitted": {"description": {**SAID, "signature": {"inputs": [7]}}}},
        {"fitted": {"description": {**SAID, "libraries": {"numpy": 2}}}},
        {"fitted": {"description": {**SAID, "feature_names": [{}]}}},
    ],
)
def test_what_cannot_be_understood_is_a_model_that_is_not_kept(tmp_path: Path, report: Any) -> None:
    assert accepted(tmp_path, report) == NotKept(problem="what its cell says of it cannot be understood")


def test_a_cell_that_says_it_wrote_a_model_and_did_not_has_none(tmp_path: Path) -> None:
    fitted = accept_model({"fitted": {"description": SAID}}, under_way(tmp_path), classes=(), threshold=None)

    assert isinstance(fitted, NotKept)


def test_the_registry_is_told_all_that_is_known_of_a_model(tmp_path: Path) -> None:
    fitted = accepted(tmp_path, {"fitted": {"description": SAID}})
    assert isinstance(fitted, FittedModel)
    job = a_job(RUN, candidate=a_candidate(id="tree", version="2", description="of wood"))
    said = description_of(a_result(job, metrics={"f1": 0.5}), job, fitted)

    assert (said.type, said.description, said.metrics) == ("Tree", "of wood", {"f1": 0.5})
    assert said.tags == {"candidate": "tree", "candidate_version": "2", "dataset": "flowers"}
    assert said.metadata == fitted.metadata
    assert (said.feature_names, said.libraries) == (("a",), {"numpy": "2.4"})
    assert (said.origin.run_id, said.origin.evaluation_id) == (RUN.id, job.id)
    assert (said.origin.dataset_id, said.origin.split_id) == (DATASET.dataset_id, DATASET.split_id)
    assert RULES.positive_label == said.metadata["positiveLabel"]
