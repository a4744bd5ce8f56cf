"""What a finding says, which of them are accepted, and how many are told in a few lines."""

import pytest

from bakeoff.domain.finding import (
    Acceptance,
    Finding,
    Severity,
    blocking,
    in_short,
    with_accepted,
    worst_first,
)


def finding(slug: str, severity: Severity = Severity.HIGH, **more: object) -> Finding:
    return Finding(**{"slug": slug, "severity": severity, "message": f"{slug} was seen", **more})


LEAK = finding("leaky-feature", columns=("price",), rows=3, examples=(4, 9), cure="drop: [price]")


def test_a_finding_is_the_same_after_a_round_trip_as_json():
    assert Finding.from_record(LEAK.to_record()) == LEAK


def test_a_finding_of_an_old_verdict_had_a_code_and_no_severity():
    old = Finding.from_record({"code": "few_rows", "message": "12 test rows"})
    assert (old.slug, old.severity, old.message) == ("few-rows", "medium", "12 test rows")


@pytest.mark.parametrize(
    ("line", "columns", "accepted"),
    [
        pytest.param("leaky-feature", ("price",), "known", id="wherever it was seen"),
        pytest.param("leaky-feature price", ("price",), "known", id="in this column"),
        pytest.param("leaky-feature unit price", ("unit price",), "known", id="a column with a space"),
        pytest.param("leaky-feature weight", ("price",), None, id="in another column"),
        pytest.param("leaky-feature price", ("price", "weight"), None, id="in one of its two columns"),
        pytest.param("target-copy", ("price",), None, id="of another kind"),
    ],
)
def test_a_finding_is_accepted_where_the_dataset_names_it(
    line: str, columns: tuple[str, ...], accepted: str | None
):
    [seen] = with_accepted([finding("leaky-feature", columns=columns)], [Acceptance.parse(line, "known")])
    assert seen.accepted == accepted


def test_a_finding_on_two_columns_gives_the_reason_of_each():
    lines = [Acceptance.parse("useless-column a", "spare"), Acceptance.parse("useless-column b", "old")]
    [seen] = with_accepted([finding("useless-column", columns=("a", "b"))], lines)
    assert seen.accepted == "spare; old"


def test_only_an_open_finding_of_high_severity_blocks():
    medium, accepted = finding("id-like", Severity.MEDIUM), finding("target-copy", accepted="it is known")
    assert blocking([medium, accepted, LEAK]) == [LEAK]


def test_open_findings_come_before_accepted_ones_and_bad_ones_before_others():
    low, high = finding("a", Severity.LOW), finding("b")
    accepted = finding("c", accepted="known")
    assert worst_first([accepted, low, high]) == (high, low, accepted)


def test_findings_of_a_kind_are_told_in_one_line():
    leaks = [finding("leaky-feature", columns=(name,)) for name in ("a", "b", "c", "d", "e", "f")]
    told = in_short([finding("few-rows", Severity.LOW), finding("few-rows", Severity.LOW), *leaks])
    assert [line for _, line in told] == [
        "leaky-feature was seen; also b, c, d and 2 more",
        "few-rows was seen; 1 more of this kind",
    ]
