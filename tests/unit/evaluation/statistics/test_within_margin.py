"""Whether a difference is shown not to matter: TOST for a pair, bounds to the best for more."""

import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    label_sketches,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows
from bakeoff.evaluation.statistics.within_margin import within_margin


def sketch_of_right(right):
    """Of the accuracy of somebody who is right in these rows."""
    true = np.arange(len(right)) % 2
    answers = LabelAnswers(
        true=true,
        predicted=np.where(right, true, 1 - true),
        classes=2,
        positive=1,
        average="binary",
        zero_division=0.0,
    )
    return label_sketches(["accuracy"], answers, deal_rows(len(true)))["accuracy"]


def right_but_for(*wrong, rows=1000):
    right = np.ones(rows, dtype=bool)
    right[list(wrong)] = False
    return sketch_of_right(right)


def asked(sketches, margin, metric="accuracy", *, greater_is_better=True):
    return within_margin(
        sketches, metric=metric, greater_is_better=greater_is_better, margin=margin, draws=2000
    )


TREE = right_but_for(*range(0, 200, 2))  # 0.9
FOREST = right_but_for(*range(0, 200, 2), *range(201, 221, 2))  # 0.89, and wrong where the tree is
BEECH = right_but_for(*range(0, 600, 2))  # 0.7


def test_the_interval_of_a_pair_is_that_of_two_one_sided_tests_at_five_per_cent():
    found = asked({"tree": TREE, "forest": FOREST}, 0.02)

    d = np.zeros(1000)
    d[201:221:2] = 1
    se = d.std(ddof=1) / np.sqrt(1000)
    # Of d - mean(d): how many rows the difference rests on, and so the degrees of freedom.
    c = d - d.mean()
    df = 2 * (c**2).sum() ** 2 / (c**4).sum()
    half = stats.t.ppf(0.95, df) * se
    assert found.test is not None
    assert (found.test.low, found.test.high) == pytest.approx((0.01 - half, 0.01 + half))
    assert found.test.p_value == pytest.approx(stats.t.cdf((0.01 - 0.02) / se, df))


EQUIVALENT = (
    "They are equivalent: their accuracy is shown to differ by less than 0.02 "
    "(90 % interval of the difference 0.0046 to 0.0154)."
)
NOT_SHOWN = (
    "They are not shown to be within 0.0152 of each other: the 90 % interval of the difference is "
    "0.0046 to 0.0154."
)


@pytest.mark.parametrize(
    ("margin", "shown", "sentence"),
    [
        (0.02, True, EQUIVALENT),
        (0.0152, False, NOT_SHOWN),
    ],
)
def test_a_pair_is_equivalent_if_its_interval_lies_within_the_margin(margin, shown, sentence):
    found = asked({"tree": TREE, "forest": FOREST}, margin)
    assert (found.is_shown, found.within) == (shown, {"tree": shown, "forest": shown})
    assert found.sentence == sentence


def test_the_difference_is_the_first_minus_the_second_also_of_a_loss():
    rng = np.random.default_rng(1)
    true = rng.normal(size=500)
    near, far = true + rng.normal(size=500), true + rng.normal(size=500) * 2
    block_map = deal_rows(500)
    losses = {
        name: value_sketches(["mae"], true, predicted, block_map)["mae"]
        for name, predicted in (("near", near), ("far", far))
    }
    expected = losses["near"].value - losses["far"].value

    one = asked(losses, 0.01, "mae", greater_is_better=False).test
    other = asked(dict(reversed(losses.items())), 0.01, "mae", greater_is_better=False).test

    assert (one.low + one.high) / 2 == pytest.approx(expected)
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))


def test_of_more_than_two_each_is_held_against_whichever_is_best():
    found = asked({"tree": TREE, "forest": FOREST, "beech": BEECH}, 0.03)

    assert found.within == {"tree": True, "forest": True, "beech": False}
    assert found.test is None
    assert found.behind["tree"] == 0
    assert found.sentence.startswith(
        "tree and forest are shown to be within 0.03 of whichever is best by accuracy; "
        "behind it may be beech "
    )


def test_all_or_none_of_many_may_be_close():
    three = {"tree": TREE, "forest": FOREST, "beech": right_but_for(*range(0, 210, 2))}
    assert asked(three, 0.05).sentence == (
        "They are equivalent: all are shown to be within 0.05 of whichever is best by accuracy."
    )
    rng = np.random.default_rng(2)
    noisy = {name: sketch_of_right(rng.random(200) < 0.8) for name in "abc"}
    assert asked(noisy, 0.0001).sentence.startswith(
        "None of them is shown to be within 0.0001 of whichever is best by accuracy: behind it may be a "
    )


def test_scores_that_rest_on_few_rows_show_nothing_however_close():
    found = asked({"a": right_but_for(1, 2), "b": right_but_for(1, 2)}, 0.1)
    assert not found.is_shown
    assert found.sentence == (
        "Whether they are within 0.1 cannot be said: the accuracy of a and b rests on too few rows."
    )


def test_too_few_test_rows_and_unknown_sketches_show_nothing():
    few = asked({"a": right_but_for(1, rows=19), "b": right_but_for(2, rows=19)}, 0.5)
    assert few.sentence.endswith("cannot be said: 19 test rows: nothing is claimed below 20.")
    none = asked({"a": TREE, "b": None}, 0.5)
    assert none.sentence.endswith("it is not known how sure the accuracy of b is.")
    assert not few.is_shown
    assert not none.is_shown


def test_the_record_names_the_method_and_its_numbers():
    pair = asked({"tree": TREE, "forest": FOREST}, 0.02).to_record()
    assert (pair["method"], pair["isShown"], pair["candidates"]["tree"]) == (
        "two one-sided tests",
        True,
        {"isWithin": True, "behindAtMost": None},
    )
    three = asked({"tree": TREE, "forest": FOREST, "beech": BEECH}, 0.03).to_record()
    assert (three["method"], three["low"], three["candidates"]["tree"]["behindAtMost"]) == (
        "bounds to the best",
        None,
        0.0,
    )
