"""What is said of a saved model: whether it was there before."""

from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.operations.runs import save_winners

VERSION = SimpleNamespace(
    name="mine", version="1.0.0", origin=SimpleNamespace(run_id="earlier", evaluation_id="job")
)


@pytest.mark.parametrize(("found", "already"), [(None, False), (VERSION, True)])
def test_a_reused_winner_that_is_saved_for_the_first_time_was_not_there_before(
    monkeypatch: pytest.MonkeyPatch, *, found: Any, already: bool
) -> None:
    job = SimpleNamespace(id="job", run_id="earlier", candidate=SimpleNamespace(id="linear"))
    monkeypatch.setattr(save_winners.job_queries, "get", lambda *_: job)
    for name, answer in (("_find", found), ("_find_same", None), ("_add", VERSION)):
        monkeypatch.setattr(save_winners, name, lambda *_, answer=answer: answer)
    result = SimpleNamespace(reused_from="job", evaluation_id="again")

    saved: Any = save_winners._save(
        SimpleNamespace(engine=None),  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        SimpleNamespace(id="later"),  # type: ignore[arg-type]
        result,  # type: ignore[arg-type]
        "mine",
    )

    assert (saved.run_id, saved.already) == ("earlier", already)
