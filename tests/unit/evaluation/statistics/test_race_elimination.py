"""Races: what a look may spend, whom it stops, and whom it never stops."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bakeoff.evaluation.statistics.cross_validated_scores import out_of_fold, some_folds
from bakeoff.evaluation.statistics.race_elimination import level_in_the_end, level_of_look, look
from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap, deal_groups, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, Sketch, make_sketch

FOLDS = 5
ROWS = 1000


def a_fold(hits: NDArray[np.float64], block_map: BlockMap) -> Sketch:
    sums = block_map.sums(hits - hits.mean())
    return make_sketch("accuracy", hits.mean(), sums, block_map, kind=IntervalKind.PROPORTION, base=len(hits))


def folds_of(hits: NDArray[np.float64], block_map: BlockMap | None = None) -> list[Sketch]:
    whole = block_map or deal_rows(len(hits))
    return [a_fold(hits[rows], whole.fold(rows)) for rows in np.array_split(np.arange(len(hits)), FOLDS)]


def hits(share: float, *, seed: int, rows: int = ROWS) -> NDArray[np.float64]:
    return (np.random.RandomState(seed).random(rows) < share).astype(float)


FIELD = {name: folds_of(hits(share, seed=n)) for n, (name, share) in enumerate(
    [("good", 0.9), ("alike", 0.89), ("hopeless", 0.6)]
)}  # fmt: skip


def after(number: int, field: dict[str, list[Sketch]] = FIELD, level: float = 0.01):
    first = {name: its[:number] for name, its in field.items()}
    return look(first, of_repeat=FOLDS, level=level, greater_is_better=True)


@pytest.mark.parametrize("looks", [1, 2, 4, 9, 99])
def test_all_looks_and_the_verdict_spend_five_percent_and_the_first_look_the_most(looks: int) -> None:
    levels = [level_of_look(number, looks) for number in range(1, looks + 1)]

    assert sum(levels) == pytest.approx(0.02, rel=1e-12)
    assert sum(levels) + level_in_the_end() == pytest.approx(0.05, rel=1e-12)
    assert levels == sorted(levels, reverse=True)


def test_four_looks_have_the_levels_that_the_docs_name() -> None:
    levels = [level_of_look(number, 4) for number in range(1, 5)]
    assert levels == pytest.approx([0.0125, 0.0041667, 0.0020833, 0.00125], rel=1e-4)


def test_a_look_stops_who_is_shown_not_to_be_the_best_and_nobody_who_may_be() -> None:
    found = after(1)

    assert (found.stopped, found.leader) == (("hopeless",), "good")
    assert found.p_values["hopeless"] <= 0.01 < found.p_values["alike"]


def test_of_a_loss_the_lowest_leads() -> None:
    found = look({name: its[:1] for name, its in FIELD.items()}, of_repeat=FOLDS, level=0.01,
                 greater_is_better=False)  # fmt: skip
    assert (found.leader, found.stopped) == ("hopeless", ("alike", "good"))


def test_the_order_of_the_candidates_changes_nothing() -> None:
    assert after(2, dict(reversed(FIELD.items()))) == after(2)


def test_the_variance_grows_with_the_folds_to_that_of_the_whole_cross_validation() -> None:
    its = FIELD["good"]
    factors = [some_folds(its[:number], FOLDS).variance_factor for number in range(1, FOLDS + 1)]

    assert factors == pytest.approx([1.25, 1.5, 1.75, 2.0, 2.25])
    whole, last = out_of_fold([its]), some_folds(its, FOLDS)
    assert (last.value, last.se, last.rows) == (whole.value, whole.se, whole.rows)


def test_more_repeats_do_not_raise_the_factor_further() -> None:
    its = FIELD["good"]
    assert some_folds([*its, *its[:2]], FOLDS).variance_factor == 2.25


def test_nobody_is_stopped_by_fewer_rows_or_groups_than_a_verdict_needs() -> None:
    few = {name: folds_of(hits(share, seed=1, rows=90)) for name, share in (("a", 0.97), ("b", 0.1))}
    assert after(1, few, level=0.5).stopped == ()  # 18 rows
    assert after(2, few, level=0.5).stopped == ("b",)

    by_group = deal_groups(np.repeat(np.arange(20), 50))
    grouped = {
        name: folds_of(hits(share, seed=n), by_group)
        for n, (name, share) in enumerate([("a", 0.95), ("b", 0.3)])
    }
    assert after(1, grouped, level=0.5).stopped == ()  # four of the twenty groups
    assert after(3, grouped, level=0.5).stopped == ("b",)


def test_a_candidate_whose_metric_is_undefined_in_a_fold_is_not_stopped() -> None:
    whole = deal_rows(ROWS)
    undefined = make_sketch(
        "accuracy", float("nan"), np.empty(0), whole, kind=IntervalKind.PROPORTION, base=1
    )
    found = after(1, FIELD | {"odd": [undefined]})

    assert "odd" not in found.p_values
    assert found.stopped == ("hopeless",)


def test_alone_nobody_is_stopped() -> None:
    assert after(1, {"good": FIELD["good"]}).stopped == ()


def test_equal_candidates_are_stopped_no_more_often_than_the_looks_may() -> None:
    false = 0
    for run in range(60):
        left = {f"m{n}": folds_of(hits(0.8, seed=100 * run + n, rows=300)) for n in range(4)}
        for number in range(1, FOLDS):
            first = {name: its[:number] for name, its in left.items()}
            level = level_of_look(number, FOLDS - 1)
            stopped = look(first, of_repeat=FOLDS, level=level, greater_is_better=True, draws=1000).stopped
            left = {name: its for name, its in left.items() if name not in stopped}
        false += len(left) < 4
    assert false <= 4  # 2 % of 60 are 1.2; more than 4 have a probability of 1 %
