import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.evaluation.statistics.sketches.row_blocks import deal_groups, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import (
    IntervalKind,
    Sketch,
    SketchFormatError,
    make_sketch,
)


def a_sketch(value=0.75, rows=5, **more):
    block_map = deal_rows(rows, split="abc")
    sums = np.arange(rows) / 10 - 0.2
    return make_sketch(
        "f1", value, sums, block_map, kind=IntervalKind.JACCARD, base=4, trials=4, hits=3, **more
    )


def fields_of(sketch):
    return {
        name: getattr(sketch, name).tolist() if name == "sums" else getattr(sketch, name)
        for name in Sketch.__dataclass_fields__
    }


finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


@given(
    st.none() | finite,
    st.lists(finite, max_size=40),
    st.sampled_from(list(IntervalKind)),
    st.none() | st.integers(0, 10**9),
    st.tuples(st.booleans(), st.text(max_size=20)),
)
def test_bytes_give_back_the_same_sketch(value, sums, kind, trials, named):
    flag, split = named
    sketch = Sketch(
        metric="größe",
        value=value,
        sums=np.array(sums, dtype=float),
        rows=100,
        kind=kind,
        trials=trials,
        hits=trials,
        base=7,
        groups=trials,
        weighted=flag,
        negated=flag,
        variance_factor=2.25,
        split=split,
    )
    assert fields_of(Sketch.from_bytes(sketch.to_bytes())) == fields_of(sketch)


def test_a_sketch_of_labels_is_small_and_of_losses_16_kb_at_most():
    rng = np.random.default_rng(0)
    losses = rng.exponential(size=5000)
    block_map = deal_rows(5000)
    labels = np.round(losses > 2).astype(float)
    sizes = [
        len(
            make_sketch(
                "m", 0.5, block_map.sums(psi - psi.mean()), block_map, kind=IntervalKind.LOSS, base=9
            ).to_bytes()
        )
        for psi in (losses, labels)
    ]
    assert sizes[0] <= 16_900
    assert sizes[1] <= 2_000


GOOD = a_sketch().to_bytes()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "expected the bytes of a sketch, got 0 bytes of something else"),
        (b"garbage", "expected the bytes of a sketch"),
        (b"\x80\x04" + bytes(100), "expected the bytes of a sketch"),
        (GOOD[:-1], "damaged"),
        (GOOD[:40] + b"\x00" + GOOD[41:], "damaged"),
        (GOOD[:4] + b"\x02" + GOOD[5:], "format 2, and this version reads format 1"),
        (GOOD[:9] + b"\x06" + GOOD[10:], "expected 6 block sums, got 5"),
    ],
)
def test_garbage_is_refused_and_says_why(data, says):
    with pytest.raises(SketchFormatError, match=says):
        Sketch.from_bytes(data)


def test_se_and_the_rows_it_rests_on_are_those_of_a_mean():
    losses = np.array([0.0, 0.0, 0.0, 4.0])
    block_map = deal_rows(4)
    sums = block_map.sums(losses - losses.mean())
    sketch = make_sketch("m", 1.0, sums, block_map, kind=IntervalKind.LOSS, base=4)
    assert sketch.se == pytest.approx(losses.std(ddof=1) / 2)
    assert sketch.n_eff == pytest.approx((12**2) / (3 * 1 + 81))


def test_what_is_undefined_or_infinite_claims_nothing():
    for value, sums in ((np.nan, np.zeros(5)), (np.inf, np.zeros(5)), (1.0, np.array([np.nan, 0, 0, 0, 0]))):
        block_map = deal_rows(5)
        sketch = make_sketch("m", value, sums, block_map, kind=IntervalKind.LOSS, base=5)
        assert not sketch.is_estimable
        assert np.isnan(sketch.se)
    assert sketch.value == 1.0


def test_minus_a_loss_has_the_range_and_the_sign_of_a_loss_turned():
    loss = make_sketch("m", 2.0, np.array([1.0, -1.0]), deal_rows(2), kind=IntervalKind.LOSS, base=2)
    turned = loss.minus()
    assert (turned.value, turned.sums.tolist(), turned.negated) == (-2.0, [-1.0, 1.0], True)
    assert loss.range == (0, np.inf)
    assert turned.range == (-np.inf, 0)


def test_rows_are_dealt_to_the_blocks_in_turn():
    assert deal_rows(5, most=3).of_row.tolist() == [0, 1, 2, 0, 1]
    assert deal_rows(3).blocks == 3
    assert deal_rows(5000).blocks == 2048
    with pytest.raises(ValueError, match="one test row at least"):
        deal_rows(0)


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60), st.integers(1, 5))
def test_a_group_is_never_divided_between_blocks(groups, most):
    block_map = deal_groups(np.array(groups), most=most)
    for group in set(groups):
        assert len(set(block_map.of_row[np.array(groups) == group])) == 1
    assert block_map.blocks == min(len(set(groups)), most)
    assert set(block_map.of_row) == set(range(block_map.blocks))
    assert block_map.groups == len(set(groups))


def test_the_map_is_a_function_of_the_split_alone():
    groups = np.array(["b", "a", "c", "a", "b"])
    assert deal_groups(groups).of_row.tolist() == deal_groups(groups.copy()).of_row.tolist()
    names = {
        deal_rows(5, split="s").identity,
        deal_rows(6, split="s").identity,
        deal_rows(5, split="t").identity,
        deal_groups(groups, split="s").identity,
        deal_rows(5, split="s").weighted(np.array([1, 1, 1, 1, 2])).identity,
        deal_rows(5, split="s").weighted(np.array([1, 1, 1, 1, 3])).identity,
        deal_rows(5, split="s").fold(np.array([0, 1])).identity,
        deal_rows(5, split="s").fold(np.array([0, 2])).identity,
    }
    assert len(names) == 8


def test_weights_have_the_mean_one_also_in_a_fold():
    block_map = deal_rows(4).weighted(np.array([1.0, 2.0, 3.0, 2.0]))
    assert block_map.weights.tolist() == [0.5, 1.0, 1.5, 1.0]
    assert block_map.fold(np.array([0, 1])).weights.tolist() == pytest.approx([2 / 3, 4 / 3])


@pytest.mark.parametrize("weights", [[1, 1], [1, 1, -1], [0, 0, 0], [1, 1, np.nan]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="weight"):
        deal_rows(3).weighted(np.array(weights))


def test_merged_blocks_keep_groups_whole():
    block_map = deal_groups(np.arange(300) % 30).coarser(7)
    assert block_map.blocks == 7
    for group in range(30):
        assert len(set(block_map.of_row[np.arange(300) % 30 == group])) == 1
