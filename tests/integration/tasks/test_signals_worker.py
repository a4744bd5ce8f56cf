"""A worker asks signal models as it evaluates candidates: whatever one of them does, the others answer."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from fixtures.projects.project import Worker, celery_app, wait_for
from fixtures.projects.signals import SYMBOLS, SignalProject, a_signal_project

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.signal import EnsembleRules, SignalOrder
from bakeoff.store.bakeoffs import run_rows
from tasks import ensemble_service_asking_workers

_FORGED = [
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
FORGERIES = [f"forges-{what.replace(' ', '-')}" for what in _FORGED]
MODELS: Mapping[str, Mapping[str, Any]] = {
    "optimist": {"path": "Says", "weight": 0.6},
    "pessimist": {"path": "Says", "weight": 0.4, "params": {"says": "SELL", "confidence": 0.6}},
    "twin": {"path": "Says"},
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
        model: {"path": "Forges", "params": {"what": what}}
        for model, what in zip(FORGERIES, _FORGED, strict=True)
    },
}
STRANGE = ["raises", "slow", "crashes", "kills", "untrained", "doubles", "knows", "unsure"]


@dataclass(frozen=True)
class Place:
    project: SignalProject
    worker: Worker


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with a_signal_project(MODELS) as project, project.worker("-Q", "evaluations,control") as worker:
        yield Place(project, worker)
        assert not worker.has_ended()
        assert "Traceback" not in worker.log


@pytest.fixture(scope="module")
def run_of_all(place: Place) -> str:
    return place.project.generate_to_the_end("optimist", *STRANGE, "pessimist")


def test_what_a_model_says_is_kept_ranked(place: Place) -> None:
    run_id = place.project.generate_to_the_end("optimist", as_of=date(2025, 1, 16))

    assert place.project.states(run_id) == {"optimist": "completed"}
    answers = place.project.answers(run_id)["optimist"]
    assert [(a.symbol, a.signal, a.confidence, a.rank) for a in answers] == [
        ("AAA", "BUY", 0.7, 1),
        ("BBB", "BUY", 0.7, 2),
        ("CCC", "BUY", 0.7, 3),
    ]
    assert answers[0].metadata["last"] == 11.5
    assert place.project.log(run_id, "optimist") == f"asked for {' '.join(SYMBOLS)} as of 2025-01-16\n"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("raises", ("failed", "ask", "ValueError", "no such luck")),
        ("slow", ("timed_out", "ask", "Timeout", "")),
        ("crashes", ("failed", "ask", "SIGSEGV", "")),
        ("kills", ("failed", "ask", "Killed", "killed 3 times by SIGKILL")),
        ("untrained", ("failed", "start", "NoSavedModel", "never_saved: none")),
        ("doubles", ("failed", "ask", "BadSignals", "returned two signals for AAA")),
        ("knows", ("failed", "ask", "BadSignals", "which is none of those given")),
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


def test_the_ensemble_is_made_of_the_others(place: Place, run_of_all: str) -> None:
    assert place.project.state(run_of_all) == "partial"
    assert {model: len(said) for model, said in place.project.answers(run_of_all).items()} == {
        "optimist": 3,
        "pessimist": 3,
    }
    assert [
        (one.symbol, one.signal, one.models_contributing, one.conflict_reason)
        for one in place.project.ensemble()
    ] == [(symbol, "HOLD", ("optimist", "pessimist"), "optimist=BUY, pessimist=SELL") for symbol in SYMBOLS]


def test_a_model_whose_sells_say_that_a_rise_is_probable_is_warned_of(place: Place, run_of_all: str) -> None:
    results = place.project.results(run_of_all)

    assert results["optimist"].details["warnings"] == []
    [remark] = results["pessimist"].details["warnings"]
    assert remark.startswith("3 of 3 sell answers come with a confidence above 0.5; ")
    assert "`confidence: sureness`" in remark


def test_what_a_cell_forges_is_no_answer(place: Place) -> None:
    run_id = place.project.generate_to_the_end(*FORGERIES, as_of=date(2025, 1, 21))

    ends = {model: (job.state, job.attempt) for model, job in place.project.jobs(run_id).items()}
    assert ends == dict.fromkeys(FORGERIES, ("failed", 1))
    assert place.project.answers(run_id) == {}
    assert place.project.state(run_id) == "failed"
    assert place.project.ensemble(date(2025, 1, 21)) == []


@dataclass(frozen=True)
class Rounds:
    """Runs of some models, once and again, by what they are about."""

    first: Mapping[str, str]
    second: Mapping[str, str]


@pytest.fixture(scope="module")
def rounds(place: Place) -> Rounds:
    project, day = place.project, date(2025, 1, 20)
    confidence = project.folder / "plugins" / "confidence.txt"
    confidence.write_text("0.61")
    first = {
        "known": project.generate("optimist", symbols=["AAA"], as_of=day),
        "quiet": project.generate("quiet", as_of=day),
        "fresh": project.generate("pessimist", as_of=day),
        "reads": project.generate("reads", as_of=day),
        "later": project.generate("later", as_of=day),
    }
    wait_for_all(project, first)
    second = {
        "known": project.generate("optimist", symbols=["AAA"], as_of=day),
        "more": project.generate("optimist", symbols=["BBB", "AAA"], as_of=day),
        "twin": project.generate("twin", symbols=["AAA"], as_of=day),
        "quiet": project.generate("quiet", as_of=day),
        "fresh": project.generate("pessimist", as_of=day, fresh=True),
        "reads": project.generate("reads", as_of=day),
    }
    wait_for_all(project, second)
    return Rounds(first, second)


def wait_for_all(project: SignalProject, run_ids: Mapping[str, str]) -> None:
    for run_id in run_ids.values():
        assert project.wait_for_end(run_id) == "completed"


def test_an_async_model_is_awaited(place: Place, rounds: Rounds) -> None:
    assert len(place.project.answers(rounds.first["later"])["later"]) == 3


def test_what_is_known_is_not_asked_for_again(place: Place, rounds: Rounds) -> None:
    run_ids = (rounds.first["known"], rounds.second["known"], rounds.second["more"])

    logs = [place.project.log(run_id, "optimist") for run_id in run_ids]
    assert logs == ["asked for AAA as of 2025-01-20\n", "", "asked for BBB as of 2025-01-20\n"]
    results = [place.project.results(run_id)["optimist"] for run_id in run_ids]
    assert [result.metrics for result in results] == [
        {"signals": 1, "known": 0},
        {"signals": 1, "known": 1},
        {"signals": 2, "known": 1},
    ]
    more = place.project.answers(rounds.second["more"])["optimist"]
    assert sorted((answer.symbol, answer.rank) for answer in more) == [("AAA", 1), ("BBB", 2)]


def test_what_another_model_of_the_same_class_said_is_not_known(place: Place, rounds: Rounds) -> None:
    twin = rounds.second["twin"]

    same = place.project.job(rounds.first["known"], "optimist")
    assert place.project.job(twin, "twin").signal_inputs == same.signal_inputs
    assert len(place.project.answers(twin)["twin"]) == 1
    assert place.project.results(twin)["twin"].metrics == {"signals": 1, "known": 0}


def test_having_no_opinion_is_known_too(place: Place, rounds: Rounds) -> None:
    first, second = rounds.first["quiet"], rounds.second["quiet"]

    assert [answer.symbol for answer in place.project.answers(first)["quiet"]] == ["AAA", "CCC"]
    assert place.project.answers(second) == place.project.answers(first)
    assert place.project.log(second, "quiet") == ""


def test_afresh_means_that_what_is_known_is_asked_for_again(place: Place, rounds: Rounds) -> None:
    assert place.project.log(rounds.second["fresh"], "pessimist").startswith("asked for AAA BBB CCC")


def test_a_model_that_reads_a_file_is_asked_again_when_the_file_has_changed(
    place: Place, rounds: Rounds
) -> None:
    (place.project.folder / "plugins" / "confidence.txt").write_text("0.62")
    third = place.project.generate_to_the_end("reads", as_of=date(2025, 1, 20))

    run_ids = [rounds.first["reads"], rounds.second["reads"], third]
    asked = [bool(place.project.log(run_id, "reads")) for run_id in run_ids]
    said = [place.project.answers(run_id)["reads"][0].confidence for run_id in run_ids]
    assert asked == [True, False, True]
    assert said == [0.61, 0.61, 0.62]


def test_another_service_has_signals_generated_by_the_name_of_the_task(place: Place) -> None:
    run_id = new_id()
    payload = {"runId": run_id, "symbols": ["BBB"], "asOf": "2025-01-17", "models": ["optimist", "later"]}
    for _ in range(3):
        celery_app().send_task("bakeoff.generate_signals", kwargs=payload)
    wait_for(lambda: run_rows.exists(place.project.engine, run_id), "the run")
    place.project.wait_for_end(run_id)
    wait_for(lambda: place.worker.log.count(f"'{run_id}'") == 3, "three answers")

    [signal] = place.project.ensemble(date(2025, 1, 17))
    assert (signal.symbol, signal.signal, signal.models_contributing) == ("BBB", "BUY", ("optimist", "later"))


def test_a_request_for_signals_without_an_id_has_that_of_its_message(place: Place) -> None:
    message_id = new_id()
    celery_app().send_task("bakeoff.generate_signals", kwargs={"models": ["optimist"]}, task_id=message_id)

    wait_for(lambda: run_rows.exists(place.project.engine, message_id), "the run")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"*": ["AAA"]}, "is given by name, as `kwargs`, and not as `args`"),
        (
            {"symbol": ["AAA"]},
            "this is no request for signals: symbol is no key of it; did you mean 'symbols'?",
        ),
        ({"asOf": "yesterday"}, "this is no request for signals: asOf is 'yesterday'"),
        ({"symbols": ["AAB"]}, "there are no prices of 'AAB' by 2025-01-30; did you mean 'AAA'?"),
    ],
)
def test_a_bad_request_for_signals_is_refused_in_one_line(
    place: Place, payload: dict[str, Any], said: str
) -> None:
    nameless = payload.pop("*", ())
    sent = celery_app().send_task("bakeoff.generate_signals", args=nameless, kwargs=payload)
    wait_for(lambda: sent.id in place.worker.log, "its answer")
    lines = [json.loads(line) for line in place.worker.log.splitlines() if line.startswith("{")]

    assert said in next(line["message"] for line in lines if sent.id in line["message"])


def test_the_ensemble_service_asks_by_jobs(place: Place) -> None:
    day = date(2025, 1, 18)
    said = ensemble_service_asking_workers.JobAnswers(context=place.project.context, timeout_s=60)(
        SignalOrder(
            symbols=("AAA", "CCC"),
            as_of=day,
            weights={"optimist": 1.0, "later": 1.0, "raises": 1.0},
            rules=EnsembleRules(),
        ),
        {model: place.project.context.catalog().get(model) for model in ("optimist", "later", "raises")},
    )

    assert {model: len(answers) for model, answers in said.answers.items()} == {"optimist": 2, "later": 2}
    assert said.failed == {"raises": "no such luck"}
    assert said.is_stored
    assert [(one.symbol, one.signal) for one in place.project.ensemble(day)] == [
        ("AAA", "BUY"),
        ("CCC", "BUY"),
    ]
    kept = ensemble_service_asking_workers.service().get_ensemble_signal("AAA", day)
    assert kept is not None
    assert kept.models_contributing == ("optimist", "later")
