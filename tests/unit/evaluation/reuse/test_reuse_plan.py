"""What becomes of a candidate: nothing is taken over unless all that decides its predictions is as it was."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
from fixtures.values.samples import DATASET, RULES, a_candidate, a_job, a_result, a_run

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.runs.column_importance import fit_record
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.runs.result import CodeManifest, Fit, Part, Provenance, fingerprint
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import Design, TargetKind
from bakeoff.evaluation.reuse.job_provenance import parts_of
from bakeoff.evaluation.reuse.reuse_plan import (
    Past,
    Prospect,
    Way,
    grouped,
    longest_first,
    prospect_of,
    work_s,
)
from registry.code.candidate_code import Code

PARTS = {part: f"{part} 1" for part in Part}
MANIFEST = CodeManifest(commit=None, cpu="a", packages={"python": "3.11.7", "numpy": "2.4.5"})
SURROUNDINGS = {"python": "3.11.7", "numpy": "2.4.6 aa"}
FITTED = a_run()


def a_fit(**changed: Any) -> Fit:
    """`changed` may name fields of the fit, of its provenance, and of its result."""
    job = a_job(FITTED)
    details = {
        "warnings": [],
        **({"deterministic": changed["deterministic"]} if "deterministic" in changed else {}),
    }
    provenance = {"parts": PARTS, "seen": {}, "predictions": "p", "manifest": MANIFEST}
    return Fit(
        result=a_result(job, details=details, duration_s=changed.get("duration_s", 4.0)),
        rules=changed.get("rules", RULES),
        train_rows=75,
        test_rows=25,
        provenance=Provenance(
            **{name: changed.get(name, value) for name, value in provenance.items()},
            obstacle=changed.get("obstacle", ""),
            probabilities=changed.get("probabilities"),
        ),
    )


def of(run: Run = FITTED, *fits: Fit, root: Path = Path("/nowhere"), **changed: Any) -> Prospect:
    candidate = changed.pop("candidate", a_candidate())
    past = Past(**{"parts": PARTS, "surroundings": SURROUNDINGS, "fits": fits, **changed})
    return prospect_of(candidate, run, past, root=root)


def rules(**changed: Any) -> Run:
    return a_run(rules=replace(RULES, **changed))


def test_where_nothing_has_changed_the_result_is_taken_over() -> None:
    fit = a_fit()
    found = of(FITTED, fit)

    assert (found.way, found.fit, found.expected_s) == (Way.REUSE, fit, 0.0)
    assert found.why == f"nothing has changed since run {FITTED.id[:8]}"


def test_fewer_metrics_are_taken_over_as_well() -> None:
    assert of(rules(metrics=("accuracy",)), a_fit()).way is Way.REUSE


@pytest.mark.parametrize(
    "changed",
    [
        {"metrics": ("f1", "balanced_accuracy")},
        {"positive_label": "no"},
        {"average": Average.MACRO},
        {"zero_division": 1.0},
        {"zero_division": nan},
        {"metrics": ("f1", "mine:profit")},
    ],
)
def test_by_other_rules_the_predictions_are_scored_anew(changed: dict[str, Any]) -> None:
    fit = a_fit()

    assert (of(rules(**changed), fit).way, of(rules(**changed), fit).fit) == (Way.SCORE, fit)


def test_importance_is_taken_over_where_it_was_measured_by_the_same_metric_and_rules() -> None:
    by_f1 = replace(RULES, metrics=("f1",))
    record = fit_record(by_f1, greater_is_better=True, score=0.9, rows=25, losses={"a": [0.1]})
    fit = a_fit()
    fit = replace(fit, result=replace(fit.result, details={**fit.result.details, "importance": [record]}))
    asked = {"options": {"importance": True}}
    by_another = a_run(**asked, rules=replace(RULES, metrics=("accuracy", "f1")))
    of_the_other_class = a_run(**asked, rules=replace(RULES, positive_label="no"))

    assert of(a_run(**asked), fit).way is Way.REUSE
    for run in (by_another, of_the_other_class):
        found = of(run, fit)
        assert (found.way, "was not measured so before" in found.why) == (Way.RUN, True)


def test_not_a_number_is_the_same_rule_as_not_a_number() -> None:
    asked = rules(zero_division=float("nan"))

    assert of(asked, a_fit(rules=replace(RULES, zero_division=nan))).way is Way.REUSE


def test_a_metric_of_somebodys_own_is_never_taken_over() -> None:
    """Its code may be another one by now, and is none of the candidate's."""
    own = ScoringRules(metrics=("f1", "mine:profit"), positive_label="yes", average=Average.BINARY)
    fit = a_fit(rules=own)

    assert of(a_run(rules=own), fit).way is Way.SCORE


@pytest.mark.parametrize("part", list(Part))
def test_what_has_changed_is_named(part: Part) -> None:
    now = {**PARTS, part: "another"}
    found = of(FITTED, parts=now, latest=a_fit(), surroundings={"python": "3.11.7"})

    assert (found.way, found.why, found.expected_s) == (Way.RUN, f"changed: {part}", 4.0)


def test_libraries_that_have_changed_are_named_with_their_versions() -> None:
    found = of(parts={**PARTS, Part.LIBRARIES: "others"}, latest=a_fit())

    assert found.why == "changed: libraries (numpy 2.4.5 to 2.4.6)"


def test_what_was_never_fitted_is_fitted() -> None:
    found = of()

    assert (found.way, found.why, found.expected_s) == (Way.RUN, "it was never fitted", None)


def test_who_wants_it_afresh_has_it_fitted() -> None:
    assert of(FITTED, a_fit(), fresh=True).why == "it is to be fitted afresh"


def test_a_run_that_saves_fits_all_but_the_baseline() -> None:
    saving = a_run(save=SaveRequest(policy=SavePolicy.BEST, name="x"), baseline_id="dummy")

    assert of(saving, a_fit()).why == "the run saves models, and can save only those that it fits"
    assert of(saving, a_fit(), candidate=a_candidate(id="dummy")).way is Way.REUSE


def test_what_cannot_be_told_is_no_reason_to_take_over() -> None:
    found = of(FITTED, a_fit(obstacle="it connects to 10.0.0.1"))

    assert found.way is Way.RUN
    assert found.why == "it is not known whether it would predict the same: it connects to 10.0.0.1"


def test_what_it_used_besides_must_be_as_it_was(tmp_path: Path) -> None:
    seen = {"file weights.json": ""}
    before = of(FITTED, a_fit(seen=seen), root=tmp_path)
    (tmp_path / "weights.json").write_text("1")
    after = of(FITTED, a_fit(seen=seen), root=tmp_path)

    assert before.way is Way.REUSE
    assert (after.way, after.why) == (Way.RUN, "file weights.json, which it used, has changed")


def test_an_earlier_fit_that_still_holds_will_do(tmp_path: Path) -> None:
    """As when a file was changed, and put back."""
    holds = a_fit()
    found = of(FITTED, a_fit(seen={"file weights.json": "1"}), holds, root=tmp_path)

    assert (found.way, found.fit) == (Way.REUSE, holds)


@pytest.mark.parametrize(
    "fits",
    [
        [{"deterministic": False}],
        [{}, {"deterministic": False}],
        [{}, {"predictions": "others"}],
        [{"probabilities": "a"}, {"probabilities": "b"}],
    ],
)
def test_what_does_not_predict_the_same_each_time_is_never_taken_over(fits: list[dict[str, Any]]) -> None:
    found = of(FITTED, *(a_fit(**fit) for fit in fits))

    assert (found.way, found.why) == (Way.RUN, "it does not predict the same each time")


def test_fits_that_were_not_asked_for_the_same_may_agree() -> None:
    assert of(FITTED, a_fit(probabilities="a"), a_fit()).way is Way.REUSE


def test_a_run_that_fits_twice_takes_over_what_was_fitted_twice() -> None:
    twice = a_run(repeat_check=True)

    assert of(twice, a_fit(deterministic=True)).way is Way.REUSE
    assert of(twice, a_fit()).why == "it is to be fitted twice, and was fitted once"


NOT_STORED = "a metric or the threshold needs probabilities, which were not stored before"


def test_probabilities_that_nobody_asked_for_are_not_there() -> None:
    asks = rules(metrics=("f1", "roc_auc"))
    known = a_fit(rules=replace(RULES, metrics=("f1", "neg_log_loss")))
    by_itself = a_candidate(output_kind=OutputKind.PROBA)

    assert of(asks, a_fit()).why == NOT_STORED
    assert of(asks, known).way is Way.SCORE
    assert of(asks, a_fit(), candidate=by_itself).way is Way.SCORE


def test_labels_are_scored_by_another_threshold_only_if_something_was_stored_that_it_acts_on() -> None:
    by_half = a_fit(rules=replace(RULES, threshold=0.5))

    assert of(rules(threshold=0.25), a_fit()).why == NOT_STORED
    assert of(rules(threshold=0.25), by_half).way is Way.SCORE
    assert of(rules(threshold=0.5), by_half).way is Way.REUSE
    assert of(FITTED, by_half).way is Way.SCORE


def test_rather_one_that_needs_no_scoring() -> None:
    other, same = a_fit(rules=replace(RULES, threshold=0.25)), a_fit()

    assert of(FITTED, other, same).fit is same


def test_five_folds_are_expected_to_take_five_times_as_long() -> None:
    folded = a_run(dataset=replace(FITTED.dataset, design=Design(folds=5)))

    assert of(folded, latest=a_fit(), parts={**PARTS, Part.DATA: "folds"}).expected_s == 20.0
    assert of(folded, latest=replace(a_fit(), fits=10), parts={**PARTS, Part.DATA: "folds"}).expected_s == 2.0


def test_a_member_of_a_grid_is_expected_to_take_as_long_as_its_like() -> None:
    found = of(FITTED, alike=a_fit(duration_s=7.0), parts={**PARTS, Part.PARAMETERS: "others"})

    assert (found.why, found.expected_s) == ("it was never fitted", 7.0)


def expected_s(*, rows: int, folds: int = 1, took_s: float, fit_s: float, predict_s: float = 0.0) -> float:
    """Of a run on so many rows, after one that fitted once on 75."""
    fit = a_fit(duration_s=took_s)
    cost = replace(fit.result.cost, fit_s=fit_s, predict_s=predict_s)
    run = a_run(dataset=replace(DATASET, train_rows=rows, design=Design(folds=folds)))
    fit = replace(fit, result=replace(fit.result, cost=cost))
    found = of(run, latest=fit, parts={**PARTS, Part.DATA: "more"}).expected_s
    assert found is not None
    return found


def test_twice_the_rows_are_expected_to_take_twice_as_long_in_fit_and_predict_alone() -> None:
    assert expected_s(rows=150, took_s=10.0, fit_s=8.0, predict_s=1.1) == pytest.approx(1.0 + 2 * 9.0)


def test_the_start_of_a_cell_is_expected_once_for_each_fold_and_not_for_each_row() -> None:
    """Nearly all of 0.4 s on few rows, which no number of rows multiplies."""
    assert expected_s(rows=1500, folds=3, took_s=0.4, fit_s=0.07, predict_s=0.03) == pytest.approx(1.2)


def test_no_part_is_expected_to_take_less_than_nothing() -> None:
    """As of an earlier result whose clocks disagree."""
    assert expected_s(rows=75, took_s=1.0, fit_s=3.0) == pytest.approx(1.0)


def test_the_unknown_start_first_and_then_those_that_take_longest() -> None:
    expected = {"a": 1.0, "b": None, "c": 9.0, "d": 0.0, "e": None, "f": 9.0}
    prospects = [
        Prospect(candidate=a_candidate(id=name), way=Way.RUN, why="", expected_s=seconds)
        for name, seconds in expected.items()
    ]

    assert [one.candidate.id for one in longest_first(prospects)] == ["b", "e", "c", "f", "a", "d"]


def test_a_race_costs_between_all_folds_of_one_and_all_folds_of_all() -> None:
    expected = {"dummy": 1.0, "quick": 10.0, "slow": 40.0, "untimed": None}
    prospects = [
        Prospect(candidate=a_candidate(id=name), way=Way.RUN, why="", expected_s=seconds)
        for name, seconds in expected.items()
        if name != "untimed"
    ]
    run = a_run(dataset=replace(DATASET, design=Design(folds=5)), baseline_id="dummy")

    assert work_s(prospects, run) == (51.0, 51.0)
    racing = replace(run, options={"race": True})
    assert work_s(prospects, racing) == (1.0 + 10.0 + 40.0 / 5, 51.0)
    assert work_s(prospects[:1], racing) == (1.0, 1.0)
    unknown = Prospect(candidate=a_candidate(id="untimed"), way=Way.RUN, why="", expected_s=None)
    assert work_s([*prospects, unknown], racing)[1] == 51.0


CODE = Code(modules={}, distributions={}, missing=frozenset(), compiled=frozenset(), files={})


def digests(candidate: Any = None, **changed: Any) -> tuple[str, set[Part]]:
    """The fingerprint, and the parts in which it is not that of a plain candidate."""
    plain = {"dataset": DATASET, "seed": 0, "code": CODE, "surroundings": SURROUNDINGS}
    before = parts_of(a_candidate(), **plain)
    now = parts_of(candidate or a_candidate(), **plain | changed)
    return fingerprint(now), {part for part in Part if now[part] != before[part]}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"candidate": a_candidate(params={"depth": 1})}, "parameters"),
        ({"candidate": a_candidate(preprocess="none")}, "parameters"),
        ({"candidate": a_candidate(output_kind=OutputKind.PROBA)}, "parameters"),
        ({"candidate": a_candidate(features=("a",))}, "parameters"),
        ({"candidate": a_candidate(path="models.tree:Bush")}, "parameters"),
        ({"candidate": a_candidate(version="2")}, "version"),
        ({"dataset": replace(DATASET, dataset_id="f" * 64)}, "data"),
        ({"dataset": replace(DATASET, split_id="f" * 64)}, "data"),
        ({"seed": 1}, "seed"),
        ({"code": replace(CODE, modules={"models.tree": "x"})}, "code"),
        ({"code": replace(CODE, missing=frozenset({"cupy"}))}, "code"),
        ({"surroundings": {**SURROUNDINGS, "python": "3.12.1"}}, "libraries"),
        ({"surroundings": {**SURROUNDINGS, "scipy": "1.17"}}, "libraries"),
        ({"surroundings": {**SURROUNDINGS, "bakeoff": "0.2 bb"}}, "bakeoff"),
    ],
)
def test_what_decides_the_predictions_is_in_the_fingerprint(changed: dict[str, Any], part: str) -> None:
    found, parts = digests(**changed)

    assert parts == {part}
    assert found != digests()[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "another"},
        {"description": "better"},
        {"tags": ("new",)},
        {"timeout_s": 5.0},
        {"memory_limit_mb": 100},
        {"threads": 8},
    ],
)
def test_what_does_not_decide_them_is_not(changed: dict[str, Any]) -> None:
    assert digests(a_candidate(**changed)) == (digests()[0], set())


def test_whole_numbers_and_the_order_of_arguments_count() -> None:
    params = [{"a": 1, "b": 2}, {"a": 1.0, "b": 2}, {"a": True, "b": 2}, {"b": 2, "a": 1}]

    assert len({digests(a_candidate(params=one))[0] for one in params}) == 4


def test_where_a_dataset_was_read_from_does_not_count() -> None:
    named = replace(DATASET, name="other", files=("/a.csv",), target_kind=TargetKind.BINARY)

    assert digests(dataset=named)[1] == set()


def test_members_of_a_grid_with_which_the_same_is_done_stand_together() -> None:
    members = [a_candidate(id=f"tree.depth-{depth}", family="tree") for depth in range(4)]
    prospects = [
        Prospect(candidate=a_candidate(id="knn"), way=Way.RUN, why="it was never fitted", expected_s=None),
        *(
            Prospect(candidate=one, way=Way.RUN, why="it was never fitted", expected_s=2.0)
            for one in members[:3]
        ),
        Prospect(candidate=members[3], way=Way.RUN, why="changed: code", expected_s=None),
    ]

    found = [(one.title, one.first.why, one.expected_s) for one in grouped(prospects)]
    assert found == [
        ("knn", "it was never fitted", None),
        ("tree (3 members)", "it was never fitted", 6.0),
        ("tree.depth-3", "changed: code", None),
    ]
    assert [one.title for one in grouped(prospects, whole=True)] == [one.candidate.id for one in prospects]
