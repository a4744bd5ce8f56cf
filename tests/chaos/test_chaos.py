"""Faults strike at random, and nothing is lost, doubled, stuck, wrong or left behind."""

import pytest
from chaos.candidates import CANDIDATES
from chaos.round import Order, play
from chaos.schedule import Kind

MODELS = [name for name in CANDIDATES if name not in {"kills-itself", "slow-2", "slow-3"}]
KINDS = [Kind.CELL, Kind.POOL, Kind.WORKER, Kind.REDIS_WIPED, Kind.CONNECTIONS, Kind.MESSAGES, Kind.FROZEN]


@pytest.mark.timeout(600)  # it takes half a minute, unless the machine is very busy
def test_whatever_is_killed_each_job_ends_once_with_the_numbers_of_a_calm_run() -> None:
    report = play(Order(seed="short", runs=2, models=MODELS, kinds=KINDS, strokes=len(KINDS)))

    assert list(report.breaches) == []
    assert len(report.faults) >= 6
    assert report.jobs >= 100
