"""Faults strike at random, and nothing is lost, doubled, stuck, wrong or left behind."""

import pytest
from chaos.round import play


@pytest.mark.timeout(600)
def test_whatever_is_killed_each_job_ends_once_with_the_numbers_of_a_calm_run() -> None:
    report = play("in the tests", runs=1, strokes=6)

    assert list(report.breaches) == []
    assert len(report.faults) >= 5
    assert report.jobs >= 80
