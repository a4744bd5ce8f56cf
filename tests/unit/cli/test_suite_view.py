"""Suites on the terminal: at each width datasets, runs and states are whole; what was said stands below."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from bakeoff.cli.output.suite_view import suite_list, suite_parts
from bakeoff.domain.runs.suite import MemberState, Suite, SuiteMember
from bakeoff.operations.suites.suite_report import MemberStatus, SuiteReport
from bakeoff.store.bakeoffs.results.run_list_summaries import Headline

WIDTHS = (60, 80, 120, 160)
SENTENCE = (
    "Four candidates share first place: knn, random_forest, ridge and tree cannot be told apart by accuracy "
    "on 150 rows. Take knn, with the highest accuracy: none costs much less."
)


def _report() -> SuiteReport:
    member = SuiteMember(
        place=0, dataset="shops_of_the_north", run_id="7ad07aea" * 4, request={}, state=MemberState.FAILED
    )
    said = Headline(sentence=SENTENCE, metric="accuracy", recommended="knn")
    suite = Suite(
        id="94d49c2c" * 4,
        name="all_shops",
        members=[member],
        created_at=datetime(2026, 11, 30, 9, 11, tzinfo=UTC),
    )
    return SuiteReport(
        suite=suite, members=[MemberStatus(member=member, summary=None, headline=said)], verdict=None
    )


def _printed(width: int, *, listed: bool) -> list[str]:
    file = io.StringIO()
    parts = suite_list([_report()], {}, width=width) if listed else suite_parts(_report(), width=width)
    Console(file=file, width=width).print(*parts, sep="\n")
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_suite_shows_dataset_and_state_and_the_whole_sentence_at_every_width(width: int) -> None:
    printed = _printed(width, listed=False)
    row = next(line for line in printed if line.startswith("shops_of_the_north  "))

    assert row.split() == ["shops_of_the_north", "-", "failed", "knn"]
    assert f"shops_of_the_north: {SENTENCE}" in " ".join(line.strip() for line in printed)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_suites_shows_id_name_and_state_at_every_width(width: int) -> None:
    row = next(line for line in _printed(width, listed=True) if line.startswith("94d49c2c"))

    assert row.split()[:3] == ["94d49c2c", "all_shops", "completed"]
