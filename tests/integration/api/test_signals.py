"""What the ensemble says, over HTTP."""

import base64
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fixtures.projects.project import a_project
from fixtures.servers.api import Api, an_api, errors
from fixtures.values.samples import a_signal

from bakeoff.domain.signal import SignalType
from bakeoff.store.database import schema_version
from bakeoff.store.signals import ensemble_signals

ENSEMBLE = "/api/signals/ensemble"
BUY, HOLD, SELL = SignalType.BUY, SignalType.HOLD, SignalType.SELL
AT_ODDS = {"model_signals": {"m0": BUY, "m1": SELL}, "conflict_reason": "m0=BUY, m1=SELL"}


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with a_project({"good": {"path": "Means"}}) as project, an_api(project) as api:
        schema_version.ensure(project.engine)
        assert api.get(ENSEMBLE) == {"asOf": None, "items": [], "nextCursor": None}
        ensemble_signals.add(
            project.engine,
            [
                a_signal("AAA", 1),
                a_signal("BRK/B", 2, signal=HOLD, **AT_ODDS),
                a_signal("B C", 2, signal=HOLD),
                a_signal("DDD", 3, signal=SELL),
                a_signal("ÄÖÜ", 4, signal=HOLD),
            ],
            models={"m0": "1.0"},
            failed=[],
        )
        old = [a_signal("AAA", as_of=date(2026, 11, 19)), a_signal("OLD", 2, as_of=date(2026, 11, 19))]
        ensemble_signals.add(project.engine, old, models={"m0": "1.0"}, failed=[])
        yield api


def cursor(said: str) -> str:
    return base64.urlsafe_b64encode(said.encode()).decode()


def symbols(page: Any) -> list[str]:
    return [item["symbol"] for item in page["items"]]


def test_a_signal_of_the_ensemble_is_a_record_in_camel_case(api: Api) -> None:
    found = api.get(f"{ENSEMBLE}/BRK%2FB")

    assert found.pop("generatedAt").endswith("Z")
    assert found == {
        "symbol": "BRK/B",
        "asOf": "2026-11-20",
        "signal": "HOLD",
        "ensembleScore": 0.7,
        "confidence": 0.7,
        "expectedReturn": 0.98,
        "modelSignals": {"m0": "BUY", "m1": "SELL"},
        "modelConfidences": {"m0": 0.75, "m1": 0.625},
        "conflict": True,
        "conflictReason": "m0=BUY, m1=SELL",
        "signalsAgree": False,
        "rank": 3,
        "modelsContributing": ["m0", "m1"],
        "runId": None,
    }


def test_without_a_date_it_is_the_newest_of_all_or_of_the_symbol(api: Api) -> None:
    page = api.get(ENSEMBLE)

    assert page["asOf"] == "2026-11-20"
    assert symbols(page) == ["AAA", "B C", "BRK/B", "DDD", "ÄÖÜ"]
    assert api.get(f"{ENSEMBLE}/OLD")["asOf"] == "2026-11-19"
    assert api.get(f"{ENSEMBLE}/AAA?as_of=2026-11-19")["asOf"] == "2026-11-19"
    assert symbols(api.get(f"{ENSEMBLE}?as_of=2026-11-19")) == ["AAA", "OLD"]
    assert api.get(f"{ENSEMBLE}?as_of=2026-11-18") == {"asOf": "2026-11-18", "items": [], "nextCursor": None}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("signal=HOLD", ["B C", "BRK/B", "ÄÖÜ"]),
        ("conflict=true", ["BRK/B"]),
        ("signal=HOLD&conflict=false", ["B C", "ÄÖÜ"]),
        ("signal=STRONG_BUY", []),
    ],
)
def test_signals_are_filtered_by_what_they_are_and_by_conflict(
    api: Api, asked: str, found: list[str]
) -> None:
    assert symbols(api.get(f"{ENSEMBLE}?{asked}")) == found


@pytest.mark.parametrize(
    ("asked", "whole"),
    [
        ({"limit": 1}, ["AAA", "B C", "BRK/B", "DDD", "ÄÖÜ"]),
        ({"limit": 2}, ["AAA", "B C", "BRK/B", "DDD", "ÄÖÜ"]),
        ({"limit": 5}, ["AAA", "B C", "BRK/B", "DDD", "ÄÖÜ"]),
        ({"limit": 2, "signal": "HOLD"}, ["B C", "BRK/B", "ÄÖÜ"]),
        ({"limit": 1, "as_of": "2026-11-19"}, ["AAA", "OLD"]),
    ],
)
def test_pages_follow_each_other_to_the_last(api: Api, asked: dict[str, Any], whole: list[str]) -> None:
    pages = [api.get(ENSEMBLE, params=asked)]
    while (following := pages[-1]["nextCursor"]) is not None:
        pages.append(api.get(ENSEMBLE, params={**asked, "cursor": following}))

    assert [symbol for page in pages for symbol in symbols(page)] == whole
    assert max(len(page["items"]) for page in pages) <= asked["limit"]


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ("/ZZZ", 404, "path.symbol"),
        ("/OLD?as_of=2026-11-20", 404, "path.symbol"),
        (f"/{'A' * 33}", 422, "path.symbol"),
        ("/%00", 422, "path.symbol"),
        ("/AAA?as_of=today", 422, "query.as_of"),
        ("?as_of=1700000000", 422, "query.as_of"),
        ("?as_of=2026-02-30", 422, "query.as_of"),
        ("?signal=MAYBE", 422, "query.signal"),
        ("?conflict=perhaps", 422, "query.conflict"),
        ("?cursor=abc", 422, "query.cursor"),
        ("?cursor=QUFB", 422, "query.cursor"),
        (f"?cursor={cursor('2026-11-20 0 AAA')}", 422, "query.cursor"),
        (f"?cursor={cursor('2026-11-20 99999999999999999999 AAA')}", 422, "query.cursor"),
        ("?cursor=" + cursor("2026-11-20 1 \x00"), 422, "query.cursor"),
        (f"?cursor={cursor('2026-11-31 1 AAA')}", 422, "query.cursor"),
        ("?limit=0", 422, "query.limit"),
        ("?asOf=2026-11-20", 422, "query.asOf"),
    ],
)
def test_every_error_is_a_problem_with_its_field(api: Api, asked: str, status: int, field: str) -> None:
    answer = api.ask("GET", f"{ENSEMBLE}{asked}")

    assert answer.status_code == status
    assert [blamed for blamed, _ in errors(answer)] == [field]


def test_a_cursor_of_another_date_is_refused(api: Api) -> None:
    following = api.get(f"{ENSEMBLE}?limit=1&as_of=2026-11-19")["nextCursor"]
    answer = api.ask("GET", ENSEMBLE, params={"cursor": following, "as_of": "2026-11-20"})

    assert (answer.status_code, [field for field, _ in errors(answer)]) == (422, ["query.cursor"])
