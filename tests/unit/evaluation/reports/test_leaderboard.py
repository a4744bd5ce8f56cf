from datetime import UTC, datetime

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.result import Cost, Result
from bakeoff.evaluation.reports.leaderboard import in_order_of_bands, rank


def result(model_id, *, version="1", **metrics):
    return Result(
        evaluation_id=f"e-{model_id}-{version}",
        run_id="r1",
        model_id=model_id,
        model_version=version,
        dataset_id="d1",
        dataset_name="toy",
        split_id="s1",
        seed=0,
        metrics=metrics,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        duration_s=1.0,
        cost=Cost(fit_s=1, predict_s=1, cpu_s=1, peak_memory_mb=1, granted_threads=1),
        attempt=1,
    )


def order(standings):
    return [(standing.rank, standing.result.model_id) for standing in standings]


def test_equals_share_a_rank_in_the_order_of_their_ids_and_the_next_is_further_down():
    results = [
        result("d", f1=0.1),
        result("c", f1=0.5),
        result("b", f1=0.5),
        result("a", f1=0.2),
        result("e", f1=0.9),
    ]

    standings = rank(results, metric="f1", baseline_id=None)

    assert order(standings) == [(1, "e"), (2, "b"), (2, "c"), (4, "a"), (5, "d")]


def test_less_is_better_for_an_error():
    standings = rank([result("a", mae=3.0), result("b", mae=1.0)], metric="mae", baseline_id="a")

    assert order(standings) == [(1, "b"), (2, "a")]
    assert standings[0].beats_baseline is True


@pytest.mark.parametrize("metric", ["f1", "mae"])
@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_no_value_stands_last_whatever_the_direction(metric, nothing):
    results = [result("a", **{metric: nothing}), result("b", **{metric: 0.1}), result("c", other=1.0)]

    standings = rank(results, metric=metric, baseline_id=None)

    assert order(standings) == [(1, "b"), (2, "a"), (2, "c")]
    assert [standing.value for standing in standings] == [0.1, None, None]


def test_only_a_strictly_better_candidate_beats_the_baseline():
    results = [result("base", f1=0.5), result("same", f1=0.5), result("more", f1=0.6), result("less", f1=0.4)]

    standings = rank([*results, result("none", f1=None)], metric="f1", baseline_id="base")

    assert {standing.result.model_id: standing.beats_baseline for standing in standings} == {
        "base": None,
        "same": False,
        "more": True,
        "less": False,
        "none": False,
    }


@pytest.mark.parametrize("baseline", [[], [result("base", f1=None)]])
def test_without_a_value_of_the_baseline_nobody_is_marked(baseline):
    standings = rank([*baseline, result("a", f1=0.5)], metric="f1", baseline_id="base")

    assert [standing.beats_baseline for standing in standings] == [None] * len(standings)


def test_two_versions_of_one_model_stand_in_their_order():
    standings = rank(
        [result("a", version="2", f1=0.5), result("a", version="1", f1=0.5)], metric="f1", baseline_id=None
    )

    assert [(standing.rank, standing.result.model_version) for standing in standings] == [(1, "1"), (1, "2")]


def test_nobody_makes_an_empty_leaderboard():
    assert rank([], metric="f1", baseline_id=None) == []


def test_a_metric_that_nobody_has_is_an_error_that_names_those_there_are():
    with pytest.raises(InvalidInputError, match="no result has the metric 'f2'; there are accuracy, f1"):
        rank([result("a", f1=0.5, accuracy=0.5)], metric="f2", baseline_id=None)


def test_a_worse_band_comes_later_even_with_a_better_score_and_the_baseline_stays_by_its_score():
    rows = rank(
        [result("a", f1=0.9), result("b", f1=0.8), result("dummy", f1=0.75), result("c", f1=0.7)],
        metric="f1",
        baseline_id="dummy",
    )
    ordered = in_order_of_bands(rows, {"a": (1, 2), "b": (3, 3), "c": (1, 2)})
    assert [(row.result.model_id, row.rank) for row in ordered] == [
        ("a", 1),
        ("dummy", 3),
        ("c", 4),
        ("b", 2),
    ]
