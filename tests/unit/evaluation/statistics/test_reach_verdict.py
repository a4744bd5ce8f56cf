import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bakeoff.domain.runs.verdict import Against, RunVerdict, Standing
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.statistics.pairwise_comparison import IncomparableError
from bakeoff.evaluation.statistics.reach_verdict import (
    JudgedCandidate,
    PreferAmongTied,
    Reference,
    judge,
)
from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    label_sketches,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_groups, deal_rows
from bakeoff.evaluation.statistics.standings import bands_of
from bakeoff.evaluation.statistics.verdict_findings import SplitUse

B, T, E, W, NONE = Standing.BEST, Standing.TIED, Standing.EQUIVALENT, Standing.WORSE, Standing.INSUFFICIENT


def truth_of(rows, share=0.5):
    return (np.arange(rows) % 100 < 100 * share).astype(int)


def sketch_of(true, predicted, metric="accuracy", block_map=None, zero_division=0.0):
    answers = LabelAnswers(
        true=true,
        predicted=predicted,
        classes=2,
        positive=1,
        average="binary",
        zero_division=zero_division,
    )
    return label_sketches([metric], answers, block_map or deal_rows(len(true)))[metric]


def answered(skills, rows=2000, *, seed=0, share=0.6):
    """Sketches of candidates that are right with these probabilities, and often right together."""
    rng = np.random.default_rng(seed)
    common = np.sqrt(share) * rng.standard_normal(rows)
    true = truth_of(rows)
    sketches = {}
    for id_, skill in skills.items():
        own = np.sqrt(1 - share) * rng.standard_normal(rows)
        right = common + own < stats.norm.ppf(skill)
        sketches[id_] = sketch_of(true, np.where(right, true, 1 - true))
    return sketches


def candidates_of(sketches, baseline="dummy", **costs):
    return [
        JudgedCandidate(id=id_, sketch=sketch, is_baseline=id_ == baseline, **costs)
        for id_, sketch in sketches.items()
    ]


def judged(candidates, metric="accuracy", *, greater_is_better=True, draws=2000, **options):
    return judge(candidates, metric=metric, greater_is_better=greater_is_better, draws=draws, **options)


def test_one_that_is_shown_to_be_better_is_best_and_recommended():
    verdict = judged(candidates_of(answered({"a": 0.92, "b": 0.85, "c": 0.80, "dummy": 0.5})))
    assert verdict.standings == {"a": B, "b": W, "c": W}
    assert (verdict.best, verdict.tied, verdict.recommended) == ("a", (), "a")
    assert verdict.bands == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}
    assert set(verdict.to_best) == {"b", "c"}
    assert verdict.to_best["b"].difference < 0
    assert verdict.to_best["b"].p_value <= 0.05
    assert verdict.to_best["b"].better == "a"
    assert [(one.a, one.b) for one in verdict.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert {one.outcome for one in verdict.references} == {Against.BETTER}
    assert verdict.sentence.startswith("a is best: its accuracy of 0.9")


def test_the_dummy_has_no_place_in_the_contest():
    verdict = judged(candidates_of(answered({"a": 0.9, "dummy": 0.9, "b": 0.9})))
    assert set(verdict.standings) == set(verdict.bands) == {"a", "b"}
    assert all("dummy" not in {pair.a, pair.b} for pair in verdict.pairs)
    assert {(one.reference, one.candidate) for one in verdict.references} == {("dummy", "a"), ("dummy", "b")}


def test_who_does_not_beat_the_dummy_is_not_recommended_and_the_verdict_says_so():
    verdict = judged(candidates_of(answered({"a": 0.8, "b": 0.8, "dummy": 0.8}, rows=300)))
    assert verdict.recommended is None
    assert [finding.slug for finding in verdict.findings] == ["not-better-than-baseline"]
    assert verdict.sentence.startswith("No candidate is shown to beat dummy by accuracy on 300 rows.")


def test_of_a_tie_who_is_shown_to_beat_the_dummy_is_recommended_before_who_rests_on_too_few_rows():
    true = truth_of(200)
    sketches = {
        "a": sketch_of(true, np.where(np.arange(200) % 40 == 0, 1 - true, true), "f1"),
        "b": sketch_of(true, np.where(np.arange(200) % 20 == 3, 1 - true, true), "f1"),
        "dummy": sketch_of(true, np.zeros(200, dtype=int), "f1"),
    }
    verdict = judged(candidates_of(sketches), "f1")
    outcomes = {one.candidate: one.outcome for one in verdict.references}
    assert (verdict.tied, outcomes) == (("a", "b"), {"a": Against.INSUFFICIENT, "b": Against.BETTER})
    assert verdict.recommended == "b"


def test_of_a_tie_the_cheapest_is_recommended_whatever_its_score():
    sketches = answered({"a": 0.85, "b": 0.85, "c": 0.85}, rows=500)
    costs = {"a": (1.0, 90.0, 300), "b": (3.0, 10.0, 900), "c": (9.0, 30.0, 100)}
    candidates = [
        JudgedCandidate(
            id=id_,
            sketch=sketch,
            predict_seconds=costs[id_][0],
            fit_seconds=costs[id_][1],
            peak_memory_mb=costs[id_][2],
        )
        for id_, sketch in sketches.items()
    ]
    chosen = {
        prefer: judged(candidates, prefer=prefer).recommended
        for prefer in (*PreferAmongTied, ("c", "b"), ("x", "b"), ("x",))
    }
    top = max(sketches, key=lambda id_: sketches[id_].value)
    assert chosen == {
        PreferAmongTied.PREDICT_TIME: "a",
        PreferAmongTied.FIT_TIME: "b",
        PreferAmongTied.MEMORY: "c",
        ("c", "b"): "c",
        ("x", "b"): "b",
        ("x",): top,
    }


@pytest.mark.parametrize("times", [(1.0, 1.9), (1.9, 1.0), (0.000_001, 0.000_09)])
def test_what_a_clock_may_have_made_of_equal_costs_decides_nothing(times):
    sketches = answered({"a": 0.85, "b": 0.85}, rows=500, seed=1)
    top = max(sketches, key=lambda id_: sketches[id_].value)
    candidates = [
        JudgedCandidate(id=id_, sketch=sketches[id_], predict_seconds=seconds)
        for id_, seconds in zip(sketches, times, strict=True)
    ]
    verdict = judged(candidates)
    assert (set(verdict.tied), verdict.recommended) == ({"a", "b"}, top)


def test_an_unknown_cost_is_not_a_low_one():
    sketch = answered({"a": 0.85}, rows=500)["a"]
    candidates = [
        JudgedCandidate(id="a", sketch=sketch),
        JudgedCandidate(id="b", sketch=sketch, predict_seconds=9.0),
    ]
    assert judged(candidates).recommended == "b"


def test_equal_predictions_tie_with_p_1_and_say_so():
    sketch = answered({"a": 0.9})["a"]
    verdict = judged(candidates_of({"a": sketch, "b": sketch}))
    assert verdict.standings == {"a": T, "b": T}
    assert (verdict.pairs[0].p_value, verdict.pairs[0].difference, verdict.pairs[0].low) == (1, 0, 0)
    assert verdict.minimum_detectable_difference is None
    assert "they score the same by accuracy" in verdict.sentence


def test_within_a_margin_a_tie_is_shown_to_be_equivalent_given_enough_rows():
    skills = {"a": 0.9, "b": 0.9, "c": 0.9}
    many = judged(candidates_of(answered(skills, rows=40_000, share=0.9)), margin=0.01)
    assert set(many.standings.values()) == {E}
    assert many.tied
    few = judged(candidates_of(answered(skills, rows=500, share=0.9)), margin=0.01)
    assert set(few.standings.values()) == {T}


def test_scores_that_rest_on_a_handful_of_rows_are_never_shown_to_be_equivalent():
    true = np.zeros(1000, dtype=int)
    true[:4] = 1
    for rows, standing in ((4, T), (400, E)):
        true[:rows] = 1
        found = true.copy()
        found[: rows // 4] = 0
        sketch = sketch_of(true, found, "recall")
        verdict = judged(candidates_of({"a": sketch, "b": sketch}), "recall", margin=0.01)
        assert set(verdict.standings.values()) == {standing}


def test_two_that_differ_in_three_of_many_rows_are_equivalent_within_a_margin():
    true = truth_of(2000)
    one = np.where(np.arange(2000) % 10 == 0, 1 - true, true)
    other = one.copy()
    other[[1, 2, 3]] = 1 - other[[1, 2, 3]]
    candidates = candidates_of({"a": sketch_of(true, one), "b": sketch_of(true, other)})
    assert set(judged(candidates, margin=0.01).standings.values()) == {E}
    assert set(judged(candidates, margin=0.0005).standings.values()) == {T}


def test_a_candidate_has_one_result():
    one = candidates_of(answered({"a": 0.9}, rows=100))
    with pytest.raises(ValueError, match="candidate a is given 2 times"):
        judged(one + one)


def test_below_20_rows_nothing_is_claimed_of_anybody():
    true = truth_of(19)
    verdict = judged(candidates_of({"a": sketch_of(true, true), "b": sketch_of(true, 1 - true)}))
    assert verdict.standings == {"a": NONE, "b": NONE}
    assert (verdict.best, verdict.tied, verdict.recommended, verdict.pairs) == (None, (), None, ())
    assert verdict.bands == {"a": (1, 2), "b": (1, 2)}
    assert "few-rows" in [finding.slug for finding in verdict.findings]
    true = truth_of(20)
    assert judged(candidates_of({"a": sketch_of(true, true), "b": sketch_of(true, 1 - true)})).best == "a"


def test_of_fewer_than_six_groups_nothing_is_claimed():
    true = truth_of(100)
    for groups, best in ((5, None), (6, "a")):
        block_map = deal_groups(np.arange(100) % groups)
        sketches = {
            "a": sketch_of(true, true, block_map=block_map),
            "b": sketch_of(true, 1 - true, block_map=block_map),
        }
        verdict = judged(candidates_of(sketches))
        assert verdict.best == best
        assert ("few-groups" in [finding.slug for finding in verdict.findings]) is (best is None)


def test_scores_over_groups_rest_on_groups_and_not_on_rows():
    true = truth_of(400)
    block_map = deal_groups(np.arange(400) % 8)
    sketches = {
        "a": sketch_of(true, wrong_in(true, *range(0, 400, 9)), block_map=block_map),
        "b": sketch_of(true, wrong_in(true, *range(0, 400, 5)), block_map=block_map),
    }
    found = {finding.slug: finding for finding in judged(candidates_of(sketches)).findings}
    assert found["rests-on-few-rows"].message.endswith(" groups")
    assert found["rests-on-few-rows"].cure.startswith("more test groups")


def test_a_metric_that_rests_on_a_handful_of_rows_is_insufficient_however_many_rows_there_are():
    true = np.zeros(1000, dtype=int)
    true[:4] = 1
    half = true.copy()
    half[:2] = 0
    verdict = judged(
        candidates_of({"a": sketch_of(true, true, "recall"), "b": sketch_of(true, half, "recall")}), "recall"
    )
    assert verdict.standings == {"a": NONE, "b": NONE}
    assert verdict.recommended is None
    assert verdict.sentence == (
        "Nothing can be claimed of the two candidates: their recall rests on too few of the 1,000 rows."
    )


def wrong_in(true, *rows):
    """Labels that are right but in these rows."""
    predicted = true.copy()
    predicted[list(rows)] = 1 - predicted[list(rows)]
    return predicted


def nearly_perfect(rows=150):
    """Three that err in three to five rows, and a dummy that always answers 1."""
    true = truth_of(rows, 0.6)
    return true, {
        "a": sketch_of(true, wrong_in(true, 1, 2, 3)),
        "b": sketch_of(true, wrong_in(true, 1, 2, 3, 4)),
        "c": sketch_of(true, wrong_in(true, 1, 2, 3, 4, 5)),
        "dummy": sketch_of(true, np.ones(rows, dtype=int)),
    }


def test_of_those_that_too_few_rows_tell_apart_one_that_beats_the_dummy_is_taken():
    _, sketches = nearly_perfect()
    verdict = judged(candidates_of(sketches, fit_seconds=0.01, predict_seconds=1e-6))
    assert verdict.standings == {"a": NONE, "b": NONE, "c": NONE}
    assert (verdict.best, verdict.tied, verdict.undecided) == (None, (), ("a", "b", "c"))
    assert verdict.recommended == "a"
    assert verdict.sentence == (
        "Which of a, b and c is best cannot be said: their accuracy rests on too few of the 150 rows. "
        "Take a: none of them costs less. All three beat dummy by about 0.24 accuracy."
    )


def test_who_is_taken_does_not_depend_on_a_hopeless_candidate_beside_them():
    true, sketches = nearly_perfect()
    alone = judged(candidates_of(sketches))
    beside = judged(candidates_of({**sketches, "hopeless": sketch_of(true, 1 - true)}))
    assert (alone.recommended, beside.recommended) == ("a", "a")


def test_without_a_baseline_nobody_is_taken_where_too_few_rows_tell_them_apart():
    _, sketches = nearly_perfect()
    verdict = judged(candidates_of({id_: sketch for id_, sketch in sketches.items() if id_ != "dummy"}))
    assert verdict.recommended is None
    assert verdict.sentence.startswith("Nothing can be claimed of the three candidates")


def test_two_that_differ_in_three_of_many_rows_are_tied():
    true = truth_of(2000)
    one = np.where(np.arange(2000) % 10 == 0, 1 - true, true)
    other = one.copy()
    other[[1, 2, 3]] = 1 - other[[1, 2, 3]]
    verdict = judged(candidates_of({"a": sketch_of(true, one), "b": sketch_of(true, other)}))
    assert verdict.standings == {"a": T, "b": T}
    assert verdict.pairs[0].low is None
    assert verdict.pairs[0].p_value == 1


def test_an_undefined_metric_stands_outside():
    true = truth_of(200)
    nobody_called = sketch_of(true, np.zeros(200, dtype=int), "precision")
    undefined = sketch_of(true, np.zeros(200, dtype=int), "precision", zero_division=np.nan)
    rng = np.random.default_rng(1)
    sketches = {
        name: sketch_of(true, np.where(rng.uniform(size=200) < 0.8, true, 1 - true), "precision")
        for name in ("a", "b")
    }
    candidates = [
        *candidates_of({**sketches, "convention": nobody_called, "undefined": undefined}),
        JudgedCandidate(id="failed", sketch=None),
    ]
    verdict = judged(candidates, "precision")
    assert verdict.standings == {"a": T, "b": T, "convention": NONE, "undefined": NONE, "failed": NONE}
    assert verdict.bands == {"a": (1, 2), "b": (1, 2), "convention": (1, 3)}


def test_a_dummy_whose_score_is_a_convention_is_compared_with_nobody_and_blocks_nobody():
    true = truth_of(200)
    good = sketch_of(true, np.where(np.arange(200) % 7 == 0, 1 - true, true), "precision")
    dummy = sketch_of(true, np.zeros(200, dtype=int), "precision")
    verdict = judged(candidates_of({"a": good, "dummy": dummy}), "precision")
    assert [one.outcome for one in verdict.references] == [Against.INSUFFICIENT]
    assert verdict.recommended == "a"


def test_a_dummy_that_finds_nothing_has_an_f1_of_0_and_is_beaten():
    true = truth_of(200, share=0.2)
    good = sketch_of(true, np.where(np.arange(200) % 7 == 0, 1 - true, true), "f1")
    dummy = sketch_of(true, np.zeros(200, dtype=int), "f1")
    assert dummy.value == 0
    verdict = judged(candidates_of({"a": good, "dummy": dummy}), "f1")
    assert [one.outcome for one in verdict.references] == [Against.BETTER]


@pytest.mark.parametrize(
    ("candidates", "sentence"),
    [
        ([], "No candidate has a result, so there is no verdict."),
        (
            [JudgedCandidate(id="a", sketch=None)],
            "No candidate has a score by accuracy, so there is no verdict.",
        ),
        (
            [JudgedCandidate(id="a", sketch=None, why_unscored="own:boom failed: ValueError: boom")],
            (
                "No candidate has a score by accuracy, so there is no verdict. "
                "Of a: own:boom failed: ValueError: boom."
            ),
        ),
    ],
)
def test_without_a_result_there_is_no_verdict(candidates, sentence):
    verdict = judged(candidates)
    assert (verdict.best, verdict.recommended, verdict.rows) == (None, None, None)
    assert verdict.sentence == sentence
    assert RunVerdict.from_data(json.loads(json.dumps(verdict.to_data()))) == verdict


def test_one_candidate_alone_is_recommended_but_not_best():
    verdict = judged(candidates_of(answered({"a": 0.9, "dummy": 0.5})))
    assert (verdict.best, verdict.recommended, verdict.standings) == (None, "a", {"a": NONE})
    assert verdict.bands == {"a": (1, 1)}
    assert verdict.sentence.startswith("a is the only candidate with a score: accuracy 0.9")
    lost = judged(candidates_of(answered({"a": 0.5, "dummy": 0.9})))
    assert lost.recommended is None


def test_production_is_a_reference_though_it_is_called_like_a_candidate():
    sketches = answered({"a": 0.92, "b": 0.92, "old": 0.85})
    candidates = candidates_of({"a": sketches["a"], "b": sketches["b"]})
    verdict = judged(candidates, references=[Reference(name="a", sketch=sketches["old"])])
    assert {(one.candidate, one.outcome) for one in verdict.references} == {
        ("a", Against.BETTER),
        ("b", Against.BETTER),
    }
    assert "Both beat a by about 0.07 accuracy." in verdict.sentence


def test_production_that_is_among_the_candidates_is_no_better_than_itself():
    sketches = answered({"a": 0.92, "b": 0.80})
    verdict = judged(candidates_of(sketches), references=[Reference(name="Production", sketch=sketches["a"])])
    outcomes = {one.candidate: (one.outcome, one.difference) for one in verdict.references}
    assert outcomes["a"] == (Against.NOT_SHOWN, 0)
    assert outcomes["b"][0] is Against.WORSE
    assert "It is not shown to beat Production." in verdict.sentence


def test_of_a_loss_less_is_better_and_differences_have_its_sign():
    rng = np.random.default_rng(3)
    true = rng.standard_normal(2000)
    block_map = deal_rows(2000)
    sketches = {
        name: value_sketches(["mae"], true, true + noise * rng.standard_normal(2000), block_map)["mae"]
        for name, noise in (("near", 0.5), ("far", 0.6), ("dummy", 2.0))
    }
    verdict = judged(candidates_of(sketches), "mae", greater_is_better=False)
    assert verdict.best == "near"
    far = verdict.to_best["far"]
    assert far.difference == pytest.approx(sketches["far"].value - sketches["near"].value)
    assert 0 < far.low < far.difference < far.high
    assert all(one.difference < 0 and one.high < 0 for one in verdict.references)
    corrected = verdict.corrected_score
    assert corrected.candidate == "near"
    assert corrected.low < sketches["near"].value <= corrected.value < corrected.high
    assert "lower than that of far" in verdict.sentence


def test_minus_a_loss_gives_the_same_verdict_as_the_loss():
    rng = np.random.default_rng(4)
    true = rng.standard_normal(300)
    block_map = deal_rows(300)
    predicted = {name: true + rng.standard_normal(300) for name in "abc"}
    names = ["rmse", "neg_root_mean_squared_error"]
    found = {name: value_sketches(names, true, them, block_map) for name, them in predicted.items()}
    loss, minus = (
        judged(
            candidates_of({id_: sketches[name] for id_, sketches in found.items()}),
            name,
            greater_is_better=greater,
        )
        for name, greater in zip(names, (False, True), strict=True)
    )
    assert loss.standings == minus.standings
    assert loss.bands == minus.bands
    assert loss.corrected_score.value == pytest.approx(-minus.corrected_score.value)
    assert [pair.p_value for pair in loss.pairs] == [pair.p_value for pair in minus.pairs]


def test_a_corrected_score_stays_in_the_range_of_its_metric():
    true = truth_of(40)
    wrong_once, wrong_often = (np.where(np.arange(40) % every == 3, 1 - true, true) for every in (40, 8))
    sketches = {"a": sketch_of(true, wrong_once), "b": sketch_of(true, wrong_often)}
    assert sketches["a"].value + 1.96 * sketches["a"].se > 1
    assert judged(candidates_of(sketches)).corrected_score.high == 1


def test_a_perfect_score_is_corrected_to_an_interval_and_not_to_a_point():
    true = truth_of(40)
    sketches = {"a": sketch_of(true, true), "b": sketch_of(true, wrong_in(true, 1, 2, 3))}
    verdict = judged(candidates_of(sketches))
    assert (verdict.corrected_score.value, verdict.corrected_score.high) == (1, 1)
    assert verdict.corrected_score.low == pytest.approx(0.912, abs=0.001)  # Wilson's, of 40 hits in 40 rows


@settings(deadline=None, max_examples=15)
@given(st.permutations(["a", "b", "c", "d", "dummy", "e"]))
def test_the_order_of_the_candidates_changes_nothing(order):
    sketches = answered({"a": 0.90, "b": 0.89, "c": 0.80, "d": 0.80, "e": 0.70, "dummy": 0.5}, rows=400)
    sketches["d"] = sketches["c"]
    expected = judged(candidates_of(sketches), draws=300)
    assert judged(candidates_of({id_: sketches[id_] for id_ in order}), draws=300) == expected


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from([0.6, 0.7, 0.75, 0.8, 0.82, 0.85, 0.9]), min_size=2, max_size=9),
    st.integers(20, 600),
    st.integers(0, 99),
)
def test_bands_and_standings_agree(skills, rows, seed):
    ids = [f"m{place}" for place in range(len(skills))]
    sketches = answered(dict(zip(ids, skills, strict=True)), rows=rows, seed=seed)
    verdict = judged(candidates_of(sketches), draws=300)
    first = [id_ for id_ in ids if verdict.standings[id_] is not W]
    assert {verdict.bands[id_] for id_ in first} == {(1, len(first))}
    assert (verdict.best is not None) == (len(first) == 1)
    top = max(sketches.values(), key=lambda sketch: sketch.value).value
    assert any(sketches[id_].value == top for id_ in first)
    others = sorted((id_ for id_ in ids if verdict.standings[id_] is W), key=lambda id_: -sketches[id_].value)
    bands = [verdict.bands[id_] for id_ in others]
    assert all(len(first) < low <= high <= len(ids) for low, high in bands)
    assert bands == sorted(bands)
    for id_, to_best in verdict.to_best.items():
        assert (to_best.p_value <= 0.05) == (verdict.standings[id_] is W)
    assert RunVerdict.from_data(json.loads(json.dumps(verdict.to_data()))) == verdict


def bands_where(shown):
    """Of five candidates in the order of their scores, of which the first is best."""
    ids = ("best", "second", "third", "fourth", "fifth")
    a, b = np.triu_indices(5, 1)
    p_values = [0.01 if (ids[i], ids[j]) in shown else 0.5 for i, j in zip(a, b, strict=True)]
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    comparison = SimpleNamespace(
        compared=SimpleNamespace(ids=ids, scores=scores),
        pairs=SimpleNamespace(a=a, b=b, difference=scores[a] - scores[b]),
        claims=SimpleNamespace(p_values=np.array(p_values)),
        may_be_best=np.array([True, False, False, False, False]),
        level=0.05,
    )
    return list(bands_of(comparison, 5).values())


def test_behind_the_best_a_band_is_narrowed_by_what_is_shown_of_the_others():
    assert bands_where({}) == [(1, 1), (2, 5), (2, 5), (2, 5), (2, 5)]
    assert bands_where({("third", "fifth"), ("second", "fifth")}) == [(1, 1), (2, 4), (2, 4), (2, 5), (4, 5)]


def test_bands_are_in_the_order_of_the_scores_where_claims_are_not_transitive():
    # The second, whose score is vague, is not shown to be better than the fifth; the third is.
    assert bands_where({("third", "fifth")}) == [(1, 1), (2, 5), (2, 5), (2, 5), (3, 5)]
    # The third is shown to be worse than the second; the fourth, whose score is vague, is not.
    assert bands_where({("second", "third")}) == [(1, 1), (2, 4), (2, 5), (2, 5), (2, 5)]


@pytest.mark.parametrize(
    ("design", "can_seal"),
    [
        (Design(), True),
        (Design(time="day"), True),
        (Design(folds=5), False),
        (Design(fold_column="fold"), False),
        (Design(group="subject"), False),
    ],
)
def test_the_cure_of_a_worn_split_seals_rows_only_where_the_design_can(design, can_seal):
    use = SplitUse(looks=100, may_seal=design.may_seal)
    [finding] = judged(candidates_of(answered({"a": 0.9, "b": 0.9}, rows=1000)), use=use).findings
    assert ("`seal: 0.2`" in finding.cure) == can_seal
    assert finding.cure.startswith("new test rows")


def test_the_use_of_a_split_is_told_from_twenty_looks_on_with_its_flattery():
    candidates = candidates_of(answered({"a": 0.9, "b": 0.9}, rows=1000))
    codes = {
        looks: [finding.slug for finding in judged(candidates, use=SplitUse(looks=looks)).findings]
        for looks in (19, 20, 99, 100)
    }
    assert codes == {19: [], 20: ["test-set-reused"], 99: ["test-set-reused"], 100: ["test-set-worn"]}
    verdict = judged(candidates, use=SplitUse(looks=100))
    assert verdict.test_set_uses == 100
    # Two candidates: the detectable difference is (1.96 + 0.84) standard errors, within 3 %.
    pair_se = verdict.minimum_detectable_difference / (1.96 + 0.84)
    assert verdict.expected_flattery == pytest.approx(pair_se / np.sqrt(2) * 2.508, rel=0.03)
    assert verdict.findings[0].message.startswith(
        "100 candidates have been scored on these test rows: if all were equal, the best of them would look "
        "better than it is by about 0.0"
    )


def test_candidates_of_different_splits_are_refused():
    one, other = answered({"a": 0.9}, rows=300)["a"], answered({"b": 0.9}, rows=301)["b"]
    with pytest.raises(IncomparableError, match="a and b cannot be compared: their split differs"):
        judged(candidates_of({"a": one, "b": other}))


def test_what_the_leaderboard_and_the_api_are_told():
    verdict = judged(
        candidates_of(answered({"a": 0.92, "b": 0.85, "dummy": 0.5})), use=SplitUse(looks=3), draws=1000
    )
    record = verdict.to_record()
    assert set(record) == {
        "sentence", "best", "tied", "recommended", "correctedScore", "minimumDetectableDifference", "metric",
        "greaterIsBetter",
        "level", "method", "seed", "references", "production", "testSetUses", "expectedFlattery", "findings",
        "sealed", "spending", "shuffleChecks",
    }  # fmt: skip
    assert set(record["correctedScore"]) == {"candidate", "value", "low", "high"}
    assert set(record["references"][0]) == {
        "reference", "candidate", "outcome", "difference", "low", "high", "pValue", "restsOn",
    }  # fmt: skip
    assert (record["best"], record["level"], record["testSetUses"]) == ("a", 0.05, 3)
    assert record["method"].endswith("1000 Gaussian draws")
    b = verdict.record_of("b")
    assert (b["standing"], b["band"]) == ("worse", [2, 2])
    assert set(b["toBest"]) == {"difference", "low", "high", "pValue"}
    assert verdict.record_of("a") == {"standing": "best", "band": [1, 1], "toBest": None, "findings": []}
    assert set(verdict.pairs[0].to_record()) == {
        "a", "b", "difference", "low", "high", "pValue", "restsOn", "better",
    }  # fmt: skip
