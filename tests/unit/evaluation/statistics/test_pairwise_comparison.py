import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluation.statistics.p_values import normal_scores, t_scores
from bakeoff.evaluation.statistics.pairwise_comparison import (
    ComparedScores,
    IncomparableError,
    compare_all,
    compare_with_fixed,
    confidence_set_p,
    draw,
    pairs_of,
    step_down,
)
from bakeoff.evaluation.statistics.sketches.metric_sketches import value_sketches
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, make_sketch


def hits_field(hits, fewest_rows=6):
    scores = hits.mean(axis=0)
    ids = tuple(f"m{place:02}" for place in range(hits.shape[1]))
    return ComparedScores(ids=ids, scores=scores, sums=(hits - scores) / len(hits), fewest_rows=fewest_rows)


def correlated_hits(rng, rows, skills, share=0.6):
    common = np.sqrt(share) * rng.standard_normal((rows, 1))
    latent = common + np.sqrt(1 - share) * rng.standard_normal((rows, len(skills)))
    return (latent < stats.norm.ppf(skills)).astype(float)


def sketch_of(hits, split="s", metric="hit", kind=IntervalKind.BOUNDED):
    block_map = deal_rows(len(hits), split=split)
    sums = block_map.sums(hits - hits.mean())
    return make_sketch(metric, hits.mean(), sums, block_map, kind=kind, base=20)


def test_of_ten_equal_candidates_a_false_claim_is_made_in_at_most_5_percent_of_runs():
    """400 runs: a rate of 5 % has a standard error of 1.1 points. Above 8.3 % it is refuted."""
    rng = np.random.default_rng(20261129)
    runs, in_pairs, in_set, with_fixed = 400, 0, 0, 0
    for _ in range(runs):
        field = hits_field(correlated_hits(rng, 400, [0.85] * 10))
        comparison = compare_all(field, draws=500)
        in_pairs += comparison.claims.p_values.min() <= 0.05
        in_set += not comparison.may_be_best.all()
        with_fixed += compare_with_fixed(field, "m03", draws=500)[1].p_values.min() <= 0.05
    assert in_pairs / runs <= 0.083
    assert in_set / runs <= 0.083
    assert with_fixed / runs <= 0.083
    assert in_set > 0  # a method that claims nothing would also pass


def test_one_that_is_clearly_better_is_found():
    rng = np.random.default_rng(1)
    comparison = compare_all(hits_field(correlated_hits(rng, 4000, [0.85] * 9 + [0.90])))
    assert np.flatnonzero(comparison.may_be_best).tolist() == [9]


def test_the_order_of_the_candidates_changes_nothing():
    rng = np.random.default_rng(2)
    hits = correlated_hits(rng, 300, [0.8, 0.82, 0.84, 0.7, 0.8, 0.8])
    names = ["f", "a", "c", "b", "e", "d"]
    sketches = {name: sketch_of(hits[:, place]) for place, name in enumerate(names)}
    turned = dict(reversed(sketches.items()))
    one, other = (
        compare_all(ComparedScores.of(these, greater_is_better=True)) for these in (sketches, turned)
    )
    assert one.compared.ids == other.compared.ids == ("a", "b", "c", "d", "e", "f")
    assert one.best_p.tolist() == other.best_p.tolist()
    assert one.claims.p_values.tolist() == other.claims.p_values.tolist()


def test_of_a_loss_less_is_better():
    rng = np.random.default_rng(3)
    true = rng.standard_normal(300)
    sketches = {
        name: value_sketches(["mae"], true, true + noise * rng.standard_normal(300), deal_rows(300))["mae"]
        for name, noise in (("near", 0.5), ("far", 2.0))
    }
    comparison = compare_all(ComparedScores.of(sketches, greater_is_better=False))
    best = [id_ for id_, may in zip(comparison.compared.ids, comparison.may_be_best, strict=True) if may]
    assert best == ["near"]


def test_equal_predictions_are_never_told_apart_and_cost_the_others_nothing():
    rng = np.random.default_rng(4)
    hits = correlated_hits(rng, 500, [0.9, 0.8])
    twins = compare_all(hits_field(hits[:, [0, 1, 1]]))
    assert twins.pairs.are_equal.tolist() == [False, False, True]
    assert twins.claims.p_values[2] == 1
    assert twins.best_p[1] == twins.best_p[2]
    assert twins.best_p[1] == pytest.approx(compare_all(hits_field(hits)).best_p[1], abs=2e-3)


@pytest.mark.parametrize(("discordant", "may"), [(5, False), (6, True)])
def test_a_difference_that_rests_on_five_rows_is_not_claimed_and_on_six_it_may_be(discordant, may):
    hits = np.ones((2000, 2))
    hits[:200, :] = 0
    hits[1000 : 1000 + discordant, 1] = 0
    comparison = compare_all(hits_field(hits))
    assert comparison.pairs.n_eff[0] == pytest.approx(discordant, rel=0.01)
    assert comparison.pairs.may_be_claimed.tolist() == [may]
    assert (comparison.claims.p_values[0] == 1) is not may
    assert (comparison.best_p.tolist() == [1, 1]) is not may


def test_unbounded_losses_need_ten_rows():
    kinds = {kind: kind.fewest_rows for kind in IntervalKind}
    assert kinds == {
        IntervalKind.PROPORTION: 6,
        IntervalKind.JACCARD: 6,
        IntervalKind.BOUNDED: 6,
        IntervalKind.BOUNDED_LOSS: 6,
        IntervalKind.LOSS: 10,
        IntervalKind.EXPLAINED: 10,
        IntervalKind.FREE: 10,
    }
    field = ComparedScores.of(
        {"a": sketch_of(np.arange(30.0), kind=IntervalKind.LOSS)}, greater_is_better=False
    )
    assert field.fewest_rows == 10


@pytest.mark.parametrize(("blocks", "p"), [(5, 1.0), (6, 2 * 0.5**6), (8, 2 * 0.5**8)])
def test_a_difference_without_variance_is_judged_by_its_sign_in_the_blocks(blocks, p):
    wobble = np.resize([0.1, -0.1], blocks)
    field = ComparedScores(
        ids=("a", "b"), scores=np.array([-1.0, -1.2]), sums=np.column_stack([wobble, wobble]), fewest_rows=6
    )
    comparison = compare_all(field)
    assert comparison.claims.p_values[0] == pytest.approx(p)
    assert comparison.best_p.tolist() == pytest.approx([1.0, p])


def test_scores_that_differ_in_their_last_bit_are_equal():
    wobble = np.resize([0.1, -0.1], 30)
    scores = np.array([0.1 + 0.2, 0.3])
    assert scores[0] != scores[1]
    compared = ComparedScores(
        ids=("a", "b"), scores=scores, sums=np.column_stack([wobble, wobble]), fewest_rows=6
    )
    comparison = compare_all(compared)
    assert comparison.pairs.are_equal.tolist() == [True]
    assert comparison.claims.p_values.tolist() == [1]


def test_all_right_against_all_wrong_is_told_apart():
    hits = np.column_stack([np.ones(40), np.zeros(40)])
    comparison = compare_all(hits_field(hits))
    assert comparison.may_be_best.tolist() == [True, False]


def test_a_score_without_any_influence_is_compared_by_the_variance_of_the_other():
    rng = np.random.default_rng(5)
    hits = correlated_hits(rng, 200, [0.7])
    field = ComparedScores(
        ids=("dummy", "model"),
        scores=np.array([0.0, hits.mean()]),
        sums=np.column_stack([np.zeros(200), hits[:, 0] - hits.mean()]) / 200,
        fewest_rows=6,
    )
    pairs, claims = compare_with_fixed(field, "dummy")
    assert pairs.se[0] == pytest.approx(hits.std(ddof=1) / np.sqrt(200))
    assert claims.p_values[0] < 0.001


def test_a_fixed_reference_is_compared_with_each_of_the_others_and_with_nothing_else():
    rng = np.random.default_rng(6)
    field = hits_field(correlated_hits(rng, 300, [0.8] * 6))
    pairs, claims = compare_with_fixed(field, "m02")
    assert pairs.a.tolist() == [0, 1, 3, 4, 5]
    assert set(pairs.b) == {2}
    # Five comparisons need a smaller critical value than fifteen.
    assert claims.critical < compare_all(field).claims.critical


def test_intervals_leave_out_zero_exactly_where_z_exceeds_the_critical_value():
    rng = np.random.default_rng(7)
    found = []
    for _ in range(40):  # few rows, where t and the normal scale differ
        comparison = compare_all(hits_field(correlated_hits(rng, 60, [0.5, 0.7, 0.8])), draws=200)
        low, high = comparison.pairs.intervals(comparison.claims.critical)
        exceeds = np.abs(comparison.pairs.z) > comparison.claims.critical
        assert ((low > 0) | (high < 0)).tolist() == exceeds.tolist()
        found += exceeds.tolist()
    assert 10 < sum(found) < 110


def test_the_confidence_set_equals_its_definition():
    rng = np.random.default_rng(11)
    field = hits_field(correlated_hits(rng, 300, [0.78, 0.79, 0.8, 0.81, 0.85]))
    pairs, drawn = pairs_of(field), draw(field.covariance, draws=1000)
    statistics = np.abs(drawn[pairs.a] - drawn[pairs.b]) / pairs.se[:, np.newaxis]
    inside, before, expected = {0, 1, 2, 3, 4}, 0.0, np.ones(5)
    while len(inside) > 1:
        live = [row for row in range(10) if {pairs.a[row], pairs.b[row]} <= inside]
        clearest = max(live, key=lambda row: abs(pairs.z[row]))
        exceeding = (statistics[live].max(axis=0) >= abs(pairs.z[clearest])).sum()
        loser = int(pairs.b[clearest] if pairs.z[clearest] > 0 else pairs.a[clearest])
        before = expected[loser] = max(before, (1 + exceeding) / 1001)
        inside.discard(loser)
    assert confidence_set_p(pairs, drawn) == pytest.approx(expected)
    assert ((expected > 0.01) & (expected < 1)).sum() >= 2


def test_a_normal_score_and_its_t_lead_back_to_each_other():
    df = np.array([2.0, 9.5, 4000.0])
    t = np.array([2.0, -3.0, 1.5])
    z = normal_scores(t, df)
    assert [t_scores(abs(one), degrees) for one, degrees in zip(z, df, strict=True)] == pytest.approx(
        [2.0, 3.0, 1.5]
    )
    assert abs(z[0]) < 2
    assert normal_scores(np.array([1e30]), np.array([1e6])).tolist() == [37.0]


def test_p_values_never_fall_below_those_of_clearer_pairs_or_the_unadjusted_ones():
    rng = np.random.default_rng(8)
    comparison = compare_all(hits_field(correlated_hits(rng, 300, [0.7, 0.75, 0.8, 0.85, 0.9])))
    by_clearness = comparison.claims.p_values[np.argsort(-np.abs(comparison.pairs.z))]
    assert (np.diff(by_clearness) >= 0).all()
    alone = 2 * stats.norm.sf(np.abs(comparison.pairs.z))
    assert (comparison.claims.p_values >= alone - 0.01).all()


def test_whoever_is_beaten_most_clearly_is_the_first_to_be_out_of_the_set():
    rng = np.random.default_rng(10)
    for _ in range(20):
        comparison = compare_all(hits_field(correlated_hits(rng, 200, [0.8] * 8)), draws=300)
        clearest = int(np.abs(comparison.pairs.z).argmax())
        a, b = comparison.pairs.a[clearest], comparison.pairs.b[clearest]
        loser = b if comparison.pairs.z[clearest] > 0 else a
        assert comparison.best_p[loser] == comparison.best_p.min()


def test_one_candidate_alone_may_be_the_best():
    comparison = compare_all(hits_field(np.resize([1.0, 0.0, 1.0], (30, 1))))
    assert comparison.may_be_best.tolist() == [True]
    assert len(comparison.pairs.a) == 0


def test_candidates_with_no_variance_at_all_can_be_drawn():
    assert np.abs(draw(np.zeros((3, 3)), draws=10)).max() < 1e-100


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (sketch_of(np.resize([1.0, 0.0], 40), split="t"), "their split differs"),
        (sketch_of(np.resize([1.0, 0.0], 41)), "their split differs, 's: 40 rows' and 's: 41 rows'"),
        (sketch_of(np.resize([1.0, 0.0], 40), metric="else"), "their metric differs, 'hit' and 'else'"),
    ],
)
def test_sketches_of_other_rows_or_metrics_do_not_mix(other, says):
    with pytest.raises(IncomparableError, match=f"a and b cannot be compared: {says}"):
        ComparedScores.of({"a": sketch_of(np.resize([1.0, 0.0], 40)), "b": other}, greater_is_better=True)


def test_the_set_and_the_pairs_use_the_draws_they_are_given():
    rng = np.random.default_rng(9)
    field = hits_field(correlated_hits(rng, 300, [0.8, 0.82, 0.9]))
    pairs = pairs_of(field)
    drawn = draw(field.covariance, draws=200, seed=1)
    one, other = step_down(pairs, drawn), step_down(pairs, 3 * drawn)
    assert other.critical == pytest.approx(3 * one.critical)
    assert (confidence_set_p(pairs, 3 * drawn) >= confidence_set_p(pairs, drawn)).all()
