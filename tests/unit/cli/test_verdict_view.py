"""The verdict as a terminal shows it: facts, bands, intervals and whiskers."""

from dataclasses import replace

from bakeoff.cli.output.runs.verdict_view import (
    interval_texts,
    place_of,
    verdict_lines,
    whiskers,
)
from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.verdict import CorrectedScore, Interval, RunVerdict
from bakeoff.domain.runs.verdict_facts_in_words import verdict_facts

VERDICT = RunVerdict(
    metric="f1",
    greater_is_better=True,
    level=0.05,
    method="draws",
    seed=7,
    rows=100,
    best=None,
    corrected_score=CorrectedScore(candidate="tree", value=0.8534, low=0.8012, high=0.9),
    minimum_detectable_difference=0.0549,
    test_set_uses=9,
    findings=(Finding(slug="test-set-reused", severity=Severity.MEDIUM, message="look out"),),
    sentence="Two share first place.",
)


def test_facts_say_what_to_expect_what_could_be_seen_and_how_often_the_rows_were_used():
    assert verdict_facts(VERDICT.to_record()) == [
        "corrected for being the highest, tree scores 0.853 (0.801 to 0.9)",
        "differences of 0.055 f1 or more would usually have been seen",
        "9 candidates scored on these test rows so far",
    ]


def test_the_sentence_comes_first_and_warnings_last():
    lines = [str(line) for line in verdict_lines(VERDICT)]
    assert (lines[1], lines[-1]) == ("Two share first place.", "test-set-reused  look out")


def test_candidates_that_share_a_band_show_its_first_and_last_place_and_the_baseline_has_none():
    verdict = replace(VERDICT, bands={"tree": (1, 4), "stump": (5, 5)})
    shown = [place_of(name, 3, verdict) for name in ("tree", "stump", "dummy")]
    assert (shown, place_of("tree", 3, None)) == (["1-4", "5", ""], "3")


def test_an_interval_that_rests_on_few_rows_has_a_star():
    surely, on_few = Interval(low=0.25, high=0.75), Interval(low=0.5, high=0.875, rests_on=4)
    assert [str(text).strip() for text in interval_texts([surely, on_few, None])] == [
        "0.250 to 0.750",
        "0.500 to 0.875*",
        "",
    ]


def test_a_bound_that_is_nothing_beside_the_other_one_is_0():
    intervals = [
        Interval(low=6.6e-18, high=0.085),
        Interval(low=-2e-9, high=0.813),
        Interval(low=1e-9, high=2e-9),
    ]

    assert [str(text).strip() for text in interval_texts(intervals)] == [
        "0.000 to 0.085",
        "0.000 to 0.813",
        "1.0e-09 to 2.0e-09",
    ]


def test_whiskers_share_one_scale_and_what_stands_aside_does_not_squeeze_them():
    intervals = [Interval(low=0.8, high=1.0), Interval(low=0.8, high=0.9), Interval(low=0.1, high=0.2)]

    drawn = [str(text) for text in whiskers([0.9, 0.85, 0.15], intervals, aside=[False, False, True])]

    assert drawn == ["├──────●──────┤", "├──●───┤       ", "<              "]


def test_where_nothing_has_an_interval_no_whisker_is_drawn():
    assert [str(text) for text in whiskers([0.5, None], [None, None], aside=[False, False])] == ["", ""]
