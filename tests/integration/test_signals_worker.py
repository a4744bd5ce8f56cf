"""A worker asks signal models as it evaluates candidates: whatever one of them does, the others answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.project import Worker
from fixtures.signals import LAST, SYMBOLS, SignalProject, a_signal_project

FORGERIES = [
    "nan",
    "huge number",
    "true",
    "twice",
    "unknown",
    "list for a symbol",
    "list for a signal",
    "rank",
    "text",
    "number",
    "null",
    "nested",
    "large",
]
MODELS: Mapping[str, Mapping[str, Any]] = {
    "optimist": {"path": "Says", "weight": 0.6},
    "pessimist": {"path": "Says", "weight": 0.4, "params": {"says": "SELL", "confidence": 0.6}},
    "later": {"path": "SaysLater"},
    "quiet": {"path": "Says", "params": {"silent": ["BBB"]}},
    "raises": {},
    "slow": {"path": "Sleeps", "timeout": 1},
    "crashes": {},
    "kills": {"path": "KillsItself"},
    "untrained": {},
    "doubles": {},
    "knows": {},
    "unsure": {},
    "reads": {},
    **{
        f"forges-{what.replace(' ', '-')}": {"path": "Forges", "params": {"what": what}} for what in FORGERIES
    },
}
STRANGE = ["raises", "slow", "crashes", "kills", "untrained", "doubles", "knows", "unsure"]


@dataclass(frozen=True)
class Place:
    project: SignalProject
    worker: Worker


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with a_signal_project(MODELS) as project, project.worker() as worker:
        yield Place(project, worker)
        assert not worker.has_ended()
        assert "Traceback" not in worker.log


@pytest.fixture(scope="module")
def run_of_all(place: Place) -> str:
    return place.project.generate_to_the_end("optimist", *STRANGE, "pessimist")


def test_what_a_model_says_is_kept_ranked(place: Place) -> None:
    run_id = place.project.generate_to_the_end("optimist")

    assert place.project.states(run_id) == {"optimist": "completed"}
    answers = place.project.answers(run_id)["optimist"]
    assert [(a.symbol, a.signal, a.confidence, a.rank) for a in answers] == [
        ("AAA", "BUY", 0.7, 1),
        ("BBB", "BUY", 0.7, 2),
        ("CCC", "BUY", 0.7, 3),
    ]
    assert answers[0].metadata["last"] == 12.9
    assert place.project.log(run_id, "optimist") == f"asked for {' '.join(SYMBOLS)} as of {LAST}\n"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("raises", ("failed", "ask", "ValueError", "no such luck")),
        ("slow", ("timed_out", "ask", "Timeout", "")),
        ("crashes", ("failed", "ask", "SIGSEGV", "")),
        ("kills", ("failed", "ask", "Killed", "killed 3 times by SIGKILL")),
        ("untrained", ("failed", "start", "NoSavedModel", "never_saved: none")),
        ("doubles", ("failed", "ask", "BadSignals", "answered twice for AAA")),
        ("knows", ("failed", "ask", "BadSignals", "which nobody asked for")),
        ("unsure", ("failed", "ask", "BadSignals", "the confidence for AAA is nan")),
    ],
)
def test_a_model_that_cannot_answer_is_a_failed_job_that_says_why(
    place: Place, run_of_all: str, model: str, expected: tuple[str, str, str, str]
) -> None:
    job = place.project.job(run_of_all, model)

    assert job.error is not None
    assert (job.state, job.error.phase, job.error.type) == expected[:3]
    assert expected[3] in job.error.message


def test_the_answers_of_the_others_are_there(place: Place, run_of_all: str) -> None:
    assert place.project.state(run_of_all) == "partial"
    assert {model: len(said) for model, said in place.project.answers(run_of_all).items()} == {
        "optimist": 3,
        "pessimist": 3,
    }


@pytest.mark.parametrize("what", FORGERIES)
def test_what_a_cell_forges_is_no_answer(place: Place, what: str) -> None:
    model = f"forges-{what.replace(' ', '-')}"
    run_id = place.project.generate_to_the_end(model)

    assert place.project.states(run_id) == {model: "failed"}
    assert place.project.job(run_id, model).attempt == 1
    assert place.project.answers(run_id) == {}
