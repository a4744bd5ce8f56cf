"""Suites as a notebook and a terminal show them."""

from datetime import UTC, datetime

import pytest

from bakeoff.domain.runs.suite import MemberState, Suite, SuiteMember
from bakeoff.notebook.results.suite_result import SuiteResult
from bakeoff.operations.suites.suite_report import MemberStatus, SuiteReport
from bakeoff.store.bakeoffs.results.run_list_summaries import Headline


@pytest.fixture
def result() -> SuiteResult:
    member = SuiteMember(
        place=0, dataset="north", run_id="7ad07aea" * 4, request={}, state=MemberState.FAILED
    )
    said = Headline(sentence="knn is <best>.", metric="accuracy", recommended="knn")
    suite = Suite(
        id="94d49c2c" * 4,
        name="all_shops",
        members=[member],
        created_at=datetime(2026, 11, 30, 9, 11, tzinfo=UTC),
    )
    members = [MemberStatus(member=member, summary=None, headline=said)]
    return SuiteResult.of(SuiteReport(suite=suite, members=members, verdict=None))


def test_a_suite_shows_itself_as_text_as_the_command_does(result: SuiteResult) -> None:
    lines = repr(result).splitlines()

    assert lines[0] == "all_shops  suite 94d49c2c  completed, 1 of 1 datasets"
    assert "north: knn is <best>." in lines
    assert lines[-1] == "no verdict over the datasets until all their runs are judged"


def test_a_suite_shows_itself_in_a_notebook_with_its_datasets_escaped(result: SuiteResult) -> None:
    html = result._repr_html_()

    assert "<h3>all_shops</h3>" in html
    assert "<li><strong>north</strong>: failed. knn is &lt;best&gt;.</li>" in html
    assert "There is no verdict over the datasets yet." in html
    assert "SuiteResult(" not in html
