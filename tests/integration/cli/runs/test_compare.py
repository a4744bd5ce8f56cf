"""`bakeoff compare`: candidates, runs and saved versions of one test set, side by side."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from fixtures.projects.command_line import TERMINAL, Outcome, Project
from fixtures.values.samples import NOON, a_candidate, a_job, a_run
from fixtures.values.scored import MACRO, a_scored_run, predictions_file, snapshot_of, truth, wrong_in
from rich.text import Text
from sklearn.dummy import DummyClassifier

from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.model_version import VersionOrigin
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets.read_snapshot import sealed_rows
from bakeoff.evaluation.metrics.run_scoring_options import rows_to_score
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing

#: Test rows of digits, of 450, in which each is wrong.
GOOD = range(0, 40, 2)
SAME = (*range(0, 38, 2), 41)  # as good, and apart from GOOD in two rows
EQUAL = range(100, 140, 2)  # as good, and wrong in twenty rows of its own
BAD = range(0, 240, 2)


@pytest.fixture
def digits(project: Project) -> DatasetRef:
    return project.pin("digits")


@pytest.fixture
def spring(project, digits):
    """An older run."""
    return a_scored_run(project, digits, {"tree": wrong_in(project, digits, *EQUAL)}, name="spring")


@pytest.fixture
def autumn(project, digits, spring):
    """The newest run, of two good candidates, one that is worse, and one that is no candidate."""
    predicted = {
        "tree": wrong_in(project, digits, *GOOD),
        "forest": wrong_in(project, digits, *EQUAL),
        "beech": wrong_in(project, digits, *BAD),
        "dummy": wrong_in(project, digits, *range(400)),
    }
    later = NOON + timedelta(hours=1)
    return a_scored_run(project, digits, predicted, name="autumn", baseline_id="dummy", created_at=later)


def compared(project, *arguments):
    done = project.bakeoff("compare", *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def record(project, *arguments):
    return json.loads(compared(project, *arguments, "--json"))


def refused(project, *arguments):
    done = project.bakeoff("compare", *arguments)
    return done.exit_code, done.stderr


def evaluation(project, run, model):
    return next(job.id for job in job_queries.of_run(project.engine, run.id) if job.candidate.id == model)


# what is compared


def test_the_verdict_comes_first_then_scores_differences_and_who_is_right(project, autumn):
    said = compared(project, "tree", "beech").splitlines()

    assert said[0] == (
        "tree is best: its accuracy of 0.956 is shown to be higher than that of beech, by 0.22 "
        "(0.18 to 0.26)."
    )
    assert said[1].startswith("corrected for being the highest, tree scores 0.95")
    assert said[2].startswith("differences of 0.05")
    assert said[3] == "4 candidates scored on these test rows so far"
    said[1:4] = []
    assert said[1:5] == [
        "",
        f"compared   2 candidates of run autumn ({autumn.id[:8]})",
        f"on         450 test rows of digits, split {autumn.dataset.split_id[:12]}",
        "",
    ]
    assert said[5].split() == ["metric", "candidate", "value", "95", "%"]
    assert said[6].startswith("accuracy  tree       0.9556   0.932 to 0.971  ")
    assert "●" in said[6]
    assert said[7].startswith("          beech      0.7333   0.691 to 0.772  ├")
    assert said[8].startswith("f1        tree       0.9")
    assert said[11].split() == ["metric", "difference", "95", "%", "p", "shown"]
    assert said[12].startswith("accuracy  tree - beech  +0.2222  +0.18")
    assert said[12].endswith("  <0.001  tree is better")
    assert said[13].startswith("f1        tree - beech  +0.2")
    assert said[14:17] == [
        "by f1: not corrected across metrics",
        "",
        "They disagree on 100 of 450 test rows: tree is right on 100 of them, beech on 0, neither on 0.",
    ]
    note = (
        f"these are 2 of the 3 candidates of run autumn ({autumn.id[:8]}): if you chose them by their "
        f"scores, go by `bakeoff show {autumn.id[:8]}`, which counts all of them"
    )
    assert said[17:] == [note]


def test_what_is_not_shown_is_called_a_tie(project, autumn):
    said = record(project, "tree", "forest")

    assert said["sentence"].startswith(
        "forest and tree share first place: they cannot be told apart by accuracy"
    )
    assert (said["best"], sorted(said["tied"])) == (None, ["forest", "tree"])
    [pair] = [pair for pair in said["pairs"] if pair["metric"] == "accuracy"]
    assert (pair["a"], pair["b"], pair["difference"], pair["better"]) == ("tree", "forest", 0.0, None)
    assert pair["low"] < 0 < pair["high"]
    assert pair["pValue"] == 1.0
    assert said["disagreements"]["right"] == {"tree": 20, "forest": 20}


def test_of_spent_rows_a_comparison_recommends_none(project, autumn, monkeypatch):
    assert record(project, "tree", "beech")["recommended"] is not None
    monkeypatch.setenv("BAKEOFF_REUSE", "spend")

    said = record(project, "tree", "beech")

    assert said["recommended"] is None
    assert "Take" not in said["sentence"]


def test_a_pair_of_a_run_of_two_is_judged_as_the_run_was(project, digits):
    predicted = {"tree": wrong_in(project, digits, *GOOD), "beech": wrong_in(project, digits, *BAD)}
    run = a_scored_run(project, digits, predicted)
    shown = json.loads(project.bakeoff("show", run.id, "--json").stdout)

    said = record(project, "tree", "beech")

    assert said["sentence"] == shown["verdict"]["sentence"]
    leader = next(row for row in shown["leaderboard"] if row["modelId"] == "beech")["toBest"]
    pair = said["pairs"][0]
    assert (pair["difference"], pair["low"], pair["high"]) == (
        -leader["difference"],
        -leader["high"],
        -leader["low"],
    )
    assert said["notes"] == []


def test_the_newest_run_has_the_candidates_unless_another_is_named(project, autumn, spring):
    newest = record(project, "tree", "beech")
    assert [one["runName"] for one in newest["candidates"]] == ["autumn", "autumn"]

    other = record(project, "tree", "autumn:beech", "--run", "spring")
    assert [(one["runName"], one["modelId"]) for one in other["candidates"]] == [
        ("spring", "tree"),
        ("autumn", "beech"),
    ]


def test_of_runs_what_they_recommend_is_compared_under_names_that_tell_them_apart(project, autumn, spring):
    said = record(project, "spring", "autumn:tree")
    assert [one["name"] for one in said["candidates"]] == ["spring", "autumn:tree"]
    assert [one["modelId"] for one in said["candidates"]] == ["tree", "tree"]

    runs = record(project, "spring", autumn.id[:8])
    shown = json.loads(project.bakeoff("show", "autumn", "--json").stdout)
    assert runs["candidates"][1]["modelId"] == shown["verdict"]["recommended"]
    table = compared(project, "spring", "autumn:tree")
    assert f"compared   spring       tree of run spring ({spring.id[:8]})" in table
    assert f"           autumn:tree  tree of run autumn ({autumn.id[:8]})" in table


def test_results_that_would_be_called_alike_are_called_by_how_they_are_written(project, digits, autumn):
    """A run that is named like a candidate of another one."""
    right = truth(project, digits)
    winter = a_scored_run(project, digits, {"tree": right}, name="winter", created_at=NOON)
    old = a_scored_run(project, digits, {"winter": right}, name="old", created_at=NOON)

    said = record(project, "winter", "autumn:tree", "old:winter")

    assert [one["name"] for one in said["candidates"]] == [
        f"{winter.id[:8]}:tree",
        "autumn:tree",
        f"{old.id[:8]}:winter",
    ]


def test_a_run_that_recommends_nobody_sends_its_best_score(project, digits, autumn):
    """Neither is shown to beat the dummy; the dummy itself is never sent."""
    predicted = {
        "dummy": wrong_in(project, digits, *GOOD),
        "elm": wrong_in(project, digits, *SAME, 43),
        "oak": wrong_in(project, digits, *SAME, 43, 45),
    }
    a_scored_run(project, digits, predicted, name="winter", baseline_id="dummy")

    assert [one["modelId"] for one in record(project, "winter", "autumn:beech")["candidates"]] == [
        "elm",
        "beech",
    ]


def test_a_saved_version_is_what_it_was_in_the_run_that_it_comes_from(project, spring, autumn, make_registry):
    registry = make_registry(project.root / "data" / "models" / "registry")
    origin = VersionOrigin(run_id=spring.id, evaluation_id=evaluation(project, spring, "tree"))
    registry.save_model(DummyClassifier(), "churn", origin=origin)
    registry.transition_model_stage("churn/1.0.0", "Production", by="ada")

    said = record(project, "beech", "models:/churn/Production")

    assert [one["name"] for one in said["candidates"]] == ["beech", "churn/1.0.0"]
    assert said["candidates"][1]["savedVersion"] == "models:/churn/1.0.0"
    assert said["best"] == "churn/1.0.0"
    assert "churn/1.0.0  tree of run spring" in compared(project, "beech", "churn/1.0.0")
    assert "saved as models:/churn/1.0.0 (Production)" in compared(project, "beech", "churn/1.0.0")


def test_a_result_that_was_taken_over_is_compared_by_the_predictions_that_it_was_taken_from(project, autumn):
    [beech] = [
        one for one in job_queries.results_of_run(project.engine, autumn.id) if one.model_id == "beech"
    ]
    run = a_run(name="winter", dataset=autumn.dataset, rules=MACRO, state=RunState.QUEUED)
    job = a_job(run, candidate=a_candidate(id="beech"), state=JobState.COMPLETED, ended_at=NOON)
    again = replace(beech, evaluation_id=job.id, run_id=run.id, reused_from=beech.evaluation_id)
    assert run_rows.create(project.engine, run, [], [(job, again)])

    said = record(project, "winter:beech", "autumn:tree")
    assert (said["best"], said["disagreements"]["differing"]) == ("tree", 100)
    same = record(project, "winter:beech", "autumn:beech")
    assert "they score the same by accuracy" in same["sentence"]
    assert same["disagreements"]["sentence"] == "They predict the same in all 450 test rows."


def test_a_version_from_elsewhere_was_never_scored_here(project, autumn, make_registry):
    make_registry(project.root / "data" / "models" / "registry").save_model(DummyClassifier(), "churn")

    code, said = refused(project, "tree", "churn/1.0.0")

    assert code == 2
    assert "models:/churn/1.0.0 was not saved from a run" in said


def test_a_version_whose_run_was_removed_is_told_so(project, autumn, make_registry):
    registry = make_registry(project.root / "data" / "models" / "registry")
    registry.save_model(DummyClassifier(), "churn", origin=VersionOrigin(evaluation_id="e" * 36))

    code, said = refused(project, "tree", "churn/1.0.0")

    assert code == 2
    assert "saved from evaluation eeeeeeee, which is not in this database any more" in said


def test_three_are_judged_at_once(project, autumn):
    said = record(project, "beech", "tree", "forest")

    by_accuracy = [pair for pair in said["pairs"] if pair["metric"] == "accuracy"]
    assert [(pair["a"], pair["b"], pair["better"]) for pair in by_accuracy] == [
        ("beech", "tree", "tree"),
        ("beech", "forest", "forest"),
        ("tree", "forest", None),
    ]
    alone = record(project, "beech", "tree")["pairs"][0]
    assert by_accuracy[0]["low"] < alone["low"] < alone["high"] < by_accuracy[0]["high"]
    assert said["notes"] == []  # these are all candidates of the run
    at_once = "the intervals and p-values of a metric hold for all its pairs at once"
    assert at_once in compared(project, "beech", "tree", "forest")
    assert at_once not in compared(project, "beech", "tree")


# what is refused


def test_another_split_is_refused_with_both_and_what_to_run(project, autumn):
    other = project.pin("digits", seed=1)
    winter = a_scored_run(
        project, other, {"elm": truth(project, other)}, name="winter", seed=1, created_at=NOON
    )

    code, said = refused(project, "tree", "winter")

    assert code == 2
    assert (
        f"error: tree of run autumn ({autumn.id[:8]}) was scored on split {autumn.dataset.split_id[:12]} "
        f"(seed 0, test size 0.25), elm of run winter ({winter.id[:8]}) on split {other.split_id[:12]} "
        "(seed 1, test size 0.25): run both on one snapshot by the same rules, such as "
        "`bakeoff run digits --models tree,elm`" in said
    )


def test_other_rules_of_scoring_are_refused(project, digits, autumn):
    rules = replace(MACRO, average=Average.WEIGHTED)
    a_scored_run(
        project, digits, {"elm": truth(project, digits)}, rules=rules, name="winter", created_at=NOON
    )

    code, said = refused(project, "tree", "winter:elm")

    assert code == 2
    assert "was scored with average macro, elm of run winter" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tree"], "a comparison needs two results at least, got 'tree'"),
        (["tree", "tree"], "'tree' and 'tree' name the same result"),
        (["tree", "autumn:tree"], "'tree' and 'autumn:tree' name the same result"),
        (["tree", "tre"], "did you mean 'tree'?"),
        (["tree", "beech", "--margin", "0"], "above 0, got 0: such as 0.01"),
        (["tree", "beech", "--margin=-0.5"], "above 0, got -0.5: such as 0.01"),
        (["tree", "beech", "--margin", "nan"], "above 0, got nan: such as 0.01"),
        (["tree", "beech", "--metric", "f2"], "not all of them have the metric 'f2'; did you mean 'f1'?"),
        (["tree", "beech", "--run", "nope"], "there is no run nope"),
        (["tree", "beech", "--top", "3"], "--top 3 limits the list of --rows"),
    ],
)
def test_what_cannot_be_done_is_told_and_ends_with_two(project, autumn, arguments, said):
    code, error = refused(project, *arguments)
    assert code == 2
    assert said in " ".join(error.replace("│", " ").split())


def test_without_runs_there_is_nothing_to_compare(project):
    code, said = refused(project, "tree", "beech")
    assert (code, "nothing was ever run in" in said) == (2, True)


def test_a_candidate_without_a_result_is_refused(project, autumn):
    run = a_run(name="winter", created_at=NOON + timedelta(hours=2))
    project.fill(run, [Outcome(model="oak", f1=0.5), Outcome(model="elm", state=JobState.FAILED)])

    code, said = refused(project, "oak", "elm")

    assert code == 2
    assert f"elm of run {run.id[:8]} is failed: it has no result to be compared" in said


def test_a_run_without_any_result_is_refused(project, autumn):
    run = a_run(name="winter")
    project.fill(run, [Outcome(model="elm", state=JobState.FAILED)])

    code, said = refused(project, "tree", "winter")

    assert code == 2
    assert f"run winter ({run.id[:8]}) is failed and has no candidate with a result" in said


def test_a_run_that_has_not_ended_recommends_nobody_yet(project, autumn):
    run = a_run(name="winter")
    project.fill(run, [Outcome(model="elm", f1=0.5), Outcome(model="oak", state=JobState.QUEUED)])

    code, said = refused(project, "tree", "winter")

    assert code == 2
    assert f"run winter ({run.id[:8]}) is running, so it recommends nobody yet" in said


def test_results_that_were_sketched_by_different_rules_are_refused(project, autumn):
    """As an upgrade may leave them."""
    job = evaluation(project, autumn, "beech")
    older = replace(
        Sketch.from_bytes(verdict_rows.sketches_of(project.engine, job)["accuracy"]), rule="influence/0"
    )
    with writing(project.engine) as connection:
        of_beech = (all_tables.sketches.c.evaluation_id == job) & (all_tables.sketches.c.metric == "accuracy")
        connection.execute(all_tables.sketches.update().where(of_beech).values(sketch=older.to_bytes()))

    code, said = refused(project, "tree", "beech", "--metric", "accuracy")

    assert code == 2
    assert "their rule differs, 'influence/0' and 'influence/1': run them again with `--fresh`" in said


# by which metrics


def test_one_metric_alone_is_marked_if_it_does_not_rank_the_run(project, autumn):
    said = record(project, "tree", "beech", "--metric", "f1")

    assert {pair["metric"] for pair in said["pairs"]} == {"f1"}
    assert [pair["isRankingMetric"] for pair in said["pairs"]] == [False]
    assert (said["metric"], said["rankingMetric"]) == ("f1", "accuracy")
    assert (
        said["notes"][0] == "the run is ranked by accuracy: who chooses f1 after the run chooses the winner"
    )
    assert "by f1: not corrected across metrics" in compared(project, "tree", "beech", "--metric", "f1")


def test_runs_that_rank_by_different_metrics_are_judged_by_one_that_both_have(project, digits, spring):
    rules = replace(MACRO, metrics=("f1", "precision", "accuracy"))
    a_scored_run(project, digits, {"elm": truth(project, digits)}, rules=rules, name="winter")

    said = record(project, "spring", "winter")

    assert said["metric"] == "accuracy"
    assert list(said["candidates"][0]["metrics"]) == ["accuracy", "f1"]
    assert "their runs rank by different metrics, accuracy, f1: this is by accuracy" in said["notes"]


def test_runs_without_a_common_metric_are_refused(project, digits, spring):
    rules = replace(MACRO, metrics=("precision",))
    a_scored_run(project, digits, {"elm": truth(project, digits)}, rules=rules, name="winter")

    code, said = refused(project, "spring", "winter")

    assert code == 2
    assert "no metric that all of them have: tree has accuracy, f1; elm has precision" in said


# how close they are


def test_a_margin_asks_for_equivalence(project, digits):
    predicted = {"tree": wrong_in(project, digits, *GOOD), "elm": wrong_in(project, digits, *SAME)}
    a_scored_run(project, digits, predicted)

    wide = record(project, "tree", "elm", "--margin", "0.05")
    assert wide["equivalence"]["isShown"] is True
    assert -0.05 < wide["equivalence"]["low"] < 0 < wide["equivalence"]["high"] < 0.05
    assert wide["sentence"].endswith(wide["equivalence"]["sentence"])
    narrow = compared(project, "tree", "elm", "--margin", "0.001")
    assert "They are not shown to be within 0.001 of each other: the 90 % interval" in narrow.splitlines()[1]


def test_a_margin_for_three_says_how_far_each_may_be_behind(project, autumn):
    found = record(project, "tree", "forest", "beech", "--margin", "0.1")["equivalence"]

    assert {name: one["isWithin"] for name, one in found["candidates"].items()} == {
        "tree": True,
        "forest": True,
        "beech": False,
    }
    assert found["candidates"]["beech"]["behindAtMost"] > 0.2


# on which rows they disagree


def test_rows_are_listed_with_the_truth_the_answers_and_the_features(project, digits):
    chance = np.full((450, 10), 0.05)
    chance[np.arange(450), wrong_in(project, digits, 7, 300)] = 0.55
    predicted = {"tree": truth(project, digits), "elm": wrong_in(project, digits, 7, 300)}
    a_scored_run(project, digits, predicted, probabilities={"elm": chance})

    found = record(project, "tree", "elm", "--rows")["disagreements"]

    assert (found["testRows"], found["differing"], found["noneRight"]) == (450, 2, 0)
    assert [row["row"] for row in found["rows"]] == sorted(row["row"] for row in found["rows"])
    whole = _all_of_digits()
    for row in found["rows"]:
        features, target = whole.data[row["row"]], int(whole.target[row["row"]])
        assert (row["true"], row["predictions"]) == (target, {"tree": target, "elm": (target + 1) % 10})
        assert row["probabilities"] == {"elm": 0.55}
        assert list(row["features"].values()) == features.tolist()
    lines = compared(project, "tree", "elm", "--rows").splitlines()
    header = next(line for line in lines if line.lstrip().startswith("row "))
    assert header.split() == ["row", "true", "tree", "elm", "features"]
    listed = [line.split()[:5] for line in lines[lines.index(header) + 1 :]]
    assert listed == [
        [f"{row['row']:,}", str(row["true"]), str(row["true"]), str(row["predictions"]["elm"]), "0.55"]
        for row in found["rows"]
    ]


def _all_of_digits():
    from sklearn.datasets import load_digits

    return load_digits()


def test_twenty_rows_are_listed_unless_top_says_another_number(project, autumn):
    assert len(record(project, "tree", "beech", "--rows")["disagreements"]["rows"]) == 20
    assert len(record(project, "tree", "beech", "--rows", "--top", "3")["disagreements"]["rows"]) == 3
    assert record(project, "tree", "beech")["disagreements"]["rows"] == []
    said = compared(project, "tree", "beech", "--rows", "--top", "3")
    assert "and 97 more rows on which they disagree: --top 100 shows all" in said


def test_numbers_are_listed_with_those_furthest_apart_first(project):
    diabetes = project.pin("diabetes")
    true = truth(project, diabetes).astype(float)
    off = true + np.arange(len(true)) % 7
    rules = ScoringRules(metrics=("rmse", "r2"))
    a_scored_run(project, diabetes, {"near": true + 0.5, "far": off}, rules=rules)

    said = record(project, "near", "far", "--rows", "--top", "4")

    found = said["disagreements"]
    assert (found["differing"], found["largestDifference"]) == (len(true), 5.5)
    assert [row["predictions"]["far"] - row["true"] for row in found["rows"]] == [6.0] * 4
    assert found["nearest"]["near"] > found["nearest"]["far"]
    assert said["best"] == "near"
    assert said["pairs"][0]["difference"] < 0  # of a loss, the better one has less
    assert said["pairs"][0]["better"] == "near"


def test_without_the_kept_predictions_the_verdict_stands_and_rows_are_refused(project, autumn):
    job = evaluation(project, autumn, "beech")
    predictions_file(project, autumn, job).unlink()

    said = record(project, "tree", "beech")
    assert (said["best"], said["disagreements"]) == ("tree", None)
    assert said["notes"][-1] == (
        f"on which rows they disagree is not known: the predictions of beech (evaluation {job[:8]}) are not "
        "kept, or are not those that were scored: `bakeoff run digits --models beech --fresh` makes them anew"
    )
    assert "on which rows they disagree is not known" in compared(project, "tree", "beech")
    code, error = refused(project, "tree", "beech", "--rows")
    assert code == 2
    assert "the predictions of beech" in error


def test_predictions_that_somebody_changed_are_not_taken_for_those_that_were_scored(project, autumn):
    file = predictions_file(project, autumn, evaluation(project, autumn, "beech"))
    np.save(file, truth(project, autumn.dataset))

    assert record(project, "tree", "beech")["disagreements"] is None


def test_results_without_sketches_are_compared_without_a_claim(project):
    """As an older version left them: no snapshot, no predictions, no sketches."""
    project.fill(a_run(), [Outcome(model="tree", f1=0.75), Outcome(model="forest", f1=0.5)])

    said = record(project, "tree", "forest")

    assert said["best"] is None
    assert said["pairs"] == [
        {
            "metric": "f1",
            "a": "tree",
            "b": "forest",
            "difference": 0.25,
            "low": None,
            "high": None,
            "pValue": 1.0,
            "restsOn": 0,
            "better": None,
            "isRankingMetric": True,
        }
    ]
    assert said["sentence"] == (
        "Nothing can be claimed of the two candidates: the predictions behind their scores were not kept."
    )
    assert "cannot be told" in compared(project, "tree", "forest")


def test_results_that_are_older_than_sketches_get_theirs_from_the_kept_predictions(project, autumn):
    said = record(project, "tree", "beech")
    with writing(project.engine) as connection:
        connection.execute(all_tables.sketches.delete())
        connection.execute(all_tables.results.update().values(intervals={}))

    assert record(project, "tree", "beech") == said


def test_sealed_rows_stay_sealed(project, digits):
    """Whoever is wrong in all of them is not told so."""
    rules = replace(MACRO, seal=0.2)
    sealed = rows_to_score(digits.split_id, 450, rules, sealed=True)
    still_open = rows_to_score(digits.split_id, 450, rules, sealed=False)
    wrong = still_open[[3, 200]]
    predicted = {
        "tree": truth(project, digits),
        "elm": wrong_in(project, digits, *sealed, *wrong),
    }
    a_scored_run(project, digits, predicted, rules=rules)

    said = record(project, "tree", "elm", "--rows")

    assert said["testRows"] == 360
    assert (said["disagreements"]["testRows"], said["disagreements"]["differing"]) == (360, 2)
    numbers = sealed_rows(snapshot_of(project, digits))
    whole = _all_of_digits()
    assert [row["row"] for row in said["disagreements"]["rows"]] == sorted(numbers[wrong].tolist())
    for row in said["disagreements"]["rows"]:
        assert row["true"] == row["predictions"]["tree"] == whole.target[row["row"]]
        assert list(row["features"].values()) == whole.data[row["row"]].tolist()


def test_scores_with_and_without_sealed_rows_are_not_compared(project, digits, spring):
    rules = replace(MACRO, seal=0.2)
    a_scored_run(project, digits, {"elm": truth(project, digits)}, rules=rules, name="winter")

    code, said = refused(project, "spring", "winter")

    assert code == 2
    assert "with seal 0.0, elm of run winter" in said


def test_on_a_narrow_terminal_names_are_broken_and_numbers_never(project, digits):
    long = "a_candidate_with_a_name_that_takes_much_of_the_line"
    predicted = {"tree": wrong_in(project, digits, *GOOD), long: wrong_in(project, digits, *BAD)}
    a_scored_run(project, digits, predicted)

    narrow = {**TERMINAL, "NO_COLOR": "1", "COLUMNS": "80"}
    said = project.bakeoff("compare", "tree", long, "--rows", env=narrow).stdout
    lines = [Text.from_ansi(line).plain.rstrip() for line in said.splitlines()]

    assert max(map(len, lines)) <= 80
    assert any("+0.2222  +0.18" in line and "<0.001" in line for line in lines)
    assert any("0.691 to 0.772" in line for line in lines)
    assert "no room for features (--json has them)" in lines
