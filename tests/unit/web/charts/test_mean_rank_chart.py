"""Mean ranks as a table with intervals."""

from bakeoff.domain.runs.verdict import Standing
from bakeoff.evaluation.statistics.compare_across_datasets import judge_across
from bakeoff.web.charts.mean_rank_chart import mean_ranks_table


def scores(datasets: int) -> dict[str, dict[str, float]]:
    return {
        f"d{place}": {"<b>first</b>": 0.9 + place / 100, "second": 0.7 + place / 90}
        for place in range(datasets)
    }


def test_each_candidate_has_its_rank_its_interval_in_words_and_what_is_shown() -> None:
    verdict = judge_across(scores(9), metric="f1", greater_is_better=True)
    table = mean_ranks_table(verdict)

    assert table is not None
    assert "&lt;b&gt;first" in table
    assert "<b>" not in table
    assert 'aria-label="mean rank 1.00, interval 1.00 to 1.33"' in table
    assert table.index("first") < table.index("second")
    assert [one.standing for one in verdict.candidates] == [Standing.BEST, Standing.WORSE]
    assert "another is better" in table
    assert table.count(">take<") == 1


def test_with_few_datasets_nobody_is_to_be_taken() -> None:
    table = mean_ranks_table(judge_across(scores(3), metric="f1", greater_is_better=True))

    assert table is not None
    assert ">take<" not in table
    assert table.count("nothing claimed") == 2


def test_without_candidates_there_is_no_table() -> None:
    assert mean_ranks_table(judge_across({}, metric=None, greater_is_better=True)) is None
