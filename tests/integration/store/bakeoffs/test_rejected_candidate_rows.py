from sqlalchemy import Engine

from bakeoff.domain.candidate import Rejection
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.store.bakeoffs import rejected_candidate_rows


def _rejection(number: int, candidate: str = "tree") -> Rejection:
    return Rejection(
        id=candidate,
        version="1.0",
        path="models.tree:Tree",
        cause=f"no module tree{number}",
        fix="install it",
        traceback="Traceback …",
    )


def test_the_latest_rejection_comes_first(engine: Engine) -> None:
    before = utc_now()
    rejected_candidate_rows.record(engine, [_rejection(1), _rejection(2)])
    rejected_candidate_rows.record(engine, [_rejection(3)])

    history = rejected_candidate_rows.history(engine, "tree")

    assert [load.rejection for load in history] == [_rejection(3), _rejection(2), _rejection(1)]
    assert all(before <= load.rejected_at <= utc_now() for load in history)


def test_the_last_hundred_of_each_candidate_are_kept(engine: Engine) -> None:
    rejected_candidate_rows.record(engine, [_rejection(0, "other")])
    rejected_candidate_rows.record(engine, [_rejection(number) for number in range(60)])
    rejected_candidate_rows.record(engine, [_rejection(number) for number in range(60, 130)])

    causes = [load.rejection.cause for load in rejected_candidate_rows.history(engine, "tree")]

    assert len(causes) == 100
    assert (causes[0], causes[-1]) == ("no module tree129", "no module tree30")
    assert len(rejected_candidate_rows.history(engine, "other")) == 1


def test_a_candidate_that_was_never_rejected_has_no_history(engine: Engine) -> None:
    rejected_candidate_rows.record(engine, [])

    assert rejected_candidate_rows.history(engine, "m0") == []
