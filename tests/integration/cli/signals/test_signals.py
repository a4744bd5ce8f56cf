"""`bakeoff signals show` on what is kept."""

import csv
import io
import json
from datetime import date

import pytest
from fixtures.projects.command_line import TERMINAL, Project
from fixtures.values.samples import a_signal

from bakeoff.domain.signal import EnsembleSignal, SignalType
from bakeoff.store.signals import ensemble_signals

BUY, HOLD, SELL = SignalType.BUY, SignalType.HOLD, SignalType.SELL
AT_ODDS = {"model_signals": {"m0": BUY, "m1": SELL}, "conflict_reason": "m0=BUY, m1=SELL"}


def keep(project: Project, *signals: EnsembleSignal) -> None:
    ensemble_signals.add(project.engine, signals, models={"m0": "1.0", "m1": "1.0"}, failed=())


@pytest.fixture
def kept(project: Project) -> Project:
    keep(
        project,
        a_signal("AAA", 1, signal=SignalType.STRONG_BUY),
        a_signal("BBB", 2, signal=HOLD, **AT_ODDS),
        a_signal("CCC", 3, model_signals={"m1": BUY}),
    )
    keep(project, a_signal("OLD", as_of=date(2026, 11, 19)))
    return project


def test_all_are_shown_the_best_first_with_conflicts_and_counts_above(kept: Project) -> None:
    said = kept.bakeoff("signals", "show")

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "2026-11-20  3 symbols: 1 STRONG_BUY, 1 BUY, 1 HOLD; 1 conflict",
        "",
        "rank  symbol  signal      score  return  m0        m1         conflict",
        "   1  AAA     STRONG_BUY  0.700  +99.0%  BUY 0.75  BUY 0.62",
        "   2  BBB     HOLD        0.700  +98.0%  BUY 0.75  SELL 0.62  m0=BUY, m1=SELL",
        "   3  CCC     BUY         0.700  +97.0%  -         BUY 0.62",
    ]


def test_conflicts_stand_out_on_a_terminal(kept: Project) -> None:
    said = kept.bakeoff("signals", "show", env=TERMINAL).stdout

    assert "\x1b[33m1 conflict\x1b[0m" in said
    assert "\x1b[33mm0=BUY, m1=SELL" in said
    assert "\x1b[1;32mSTRONG_BUY\x1b[0m" in said


@pytest.mark.parametrize(
    ("asked", "symbols"),
    [
        (["--conflicts"], ["BBB"]),
        (["--signal", "hold"], ["BBB"]),
        (["--signal", "BUY"], ["CCC"]),
        (["--signal", "SELL"], []),
        (["--limit", "2"], ["AAA", "BBB"]),
        (["--as-of", "2026-11-19"], ["OLD"]),
        (["--as-of", "2026-11-18"], []),
    ],
)
def test_what_is_shown_can_be_chosen(kept: Project, asked: list[str], symbols: list[str]) -> None:
    record = json.loads(kept.bakeoff("signals", "show", "--json", *asked).stdout)

    assert [item["symbol"] for item in record["items"]] == symbols


def test_what_is_not_shown_is_said(kept: Project) -> None:
    few = kept.bakeoff("signals", "show", "--limit", "2").stdout.splitlines()
    none = kept.bakeoff("signals", "show", "--signal", "SELL").stdout.splitlines()

    then = kept.bakeoff("signals", "show", "--as-of", "2026-11-18").stdout

    assert then == "no signals as of 2026-11-18: the newest are as of 2026-11-20\n"
    assert few[-1] == "these are the first 2: --limit N shows N"
    assert none == ["2026-11-20  3 symbols: 1 STRONG_BUY, 1 BUY, 1 HOLD; 1 conflict", "", "none of these"]


def test_one_symbol_is_shown_with_where_it_comes_from(kept: Project) -> None:
    said = kept.bakeoff("signals", "show", "BBB").stdout.splitlines()

    assert said[:7] == [
        "BBB  2026-11-20",
        "signal    HOLD",
        "score     0.700, rank 2",
        "return    +98.0% expected",
        "m0        BUY 0.75",
        "m1        SELL 0.62",
        "conflict  m0=BUY, m1=SELL",
    ]
    assert said[7].endswith(" by a process without a run")
    assert kept.bakeoff("signals", "show", "OLD").stdout.splitlines()[0] == "OLD  2026-11-19"


def test_a_symbol_without_a_signal_is_code_2_and_says_why(kept: Project) -> None:
    never = kept.bakeoff("signals", "show", "ZZZ")
    not_then = kept.bakeoff("signals", "show", "OLD", "--as-of", "2026-11-20")

    assert (never.exit_code, not_then.exit_code) == (2, 2)
    assert "there is no signal of ZZZ: `bakeoff signals show` lists" in never.stderr
    assert "there is no signal of OLD as of 2026-11-20: " in not_then.stderr


def test_where_there_is_nothing_it_says_what_to_do(project: Project) -> None:
    said = project.bakeoff("signals", "show")

    assert (said.exit_code, said.stdout) == (
        0,
        "no signals yet: `bakeoff signals generate` makes the first ones\n",
    )
    assert json.loads(project.bakeoff("signals", "show", "--json").stdout)["items"] == []


def test_programs_get_records_as_json_and_rows_as_csv(kept: Project) -> None:
    one = json.loads(kept.bakeoff("signals", "show", "BBB", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(kept.bakeoff("signals", "show", "--format", "csv").stdout)))

    assert one.pop("generatedAt").endswith("Z")
    assert one == {
        "symbol": "BBB",
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
        "rank": 2,
        "modelsContributing": ["m0", "m1"],
        "runId": None,
    }
    assert [(row["symbol"], row["modelSignals"], row["conflictReason"]) for row in rows] == [
        ("AAA", "m0=BUY m1=BUY", ""),
        ("BBB", "m0=BUY m1=SELL", "m0=BUY, m1=SELL"),
        ("CCC", "m1=BUY", ""),
    ]
