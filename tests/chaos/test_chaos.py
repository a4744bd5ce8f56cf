"""Faults strike at random, and nothing is lost, doubled, stuck, wrong or left behind."""

import pytest
from chaos.candidates import CANDIDATES
from chaos.round import Order, play
from chaos.schedule import Database, Kind

MODELS = [name for name in CANDIDATES if name not in {"kills-itself", "slow-2", "slow-3"}]
KINDS = [
    Kind.CELL,
    Kind.BEAT,
    Kind.POOL,
    Kind.WORKER,
    Kind.REDIS_WIPED,
    Kind.CONNECTIONS,
    Kind.MESSAGES,
    Kind.FROZEN,
]
OF_TWO_MACHINES = [
    *(Kind.WORKER, Kind.FROZEN, Kind.REDIS_WIPED, Kind.LOCKED),
    *(Kind.DISCONNECTED, Kind.SHUT_DOWN, Kind.CRASHED),
]


@pytest.mark.timeout(600)  # it takes half a minute, unless the machine is very busy
def test_whatever_is_killed_each_job_ends_once_with_the_numbers_of_a_calm_run() -> None:
    report = play(Order(seed="short", runs=2, models=MODELS, kinds=KINDS, strokes=len(KINDS)))

    assert list(report.breaches) == []
    assert len(report.faults) >= 6
    assert report.jobs >= 100


@pytest.mark.services
@pytest.mark.timeout(600)
def test_neither_two_machines_nor_the_death_of_their_database_change_that() -> None:
    order = Order(
        seed="short",
        database=Database.POSTGRESQL,
        runs=2,
        models=MODELS,
        kinds=OF_TWO_MACHINES,
        strokes=len(OF_TWO_MACHINES),
    )

    report = play(order)

    assert list(report.breaches) == []
    assert len(report.faults) >= 6
    assert report.jobs >= 100
