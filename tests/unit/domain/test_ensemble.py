"""The truth tables of docs/reference/ensemble-rules.md, and an obvious reference that counts in fractions."""

import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import pytest
from fixtures.places import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.domain.ensemble import combine
from bakeoff.domain.signal import EnsembleRules, EnsembleSignal, ModelOutput, SignalType, Strategy, ranked

PAGE = ROOT / "docs" / "reference" / "ensemble-rules.md"
TODAY = date(2026, 11, 20)

_MODEL = re.compile(r"(\w+), ([\d.]+)")
_RULE = re.compile(r"`(min_agreement|min_confidence|flag_conflicts): ([\w.]+)`")


class Row(NamedTuple):
    strategy: str
    rules: dict[str, float | bool]
    weights: dict[str, float]
    said: dict[str, tuple[str, float]]
    expected: dict[str, str]


def rows_of(page: str) -> Iterator[Row]:
    strategy, above, heads = "", "", list[str]()
    for line in page.splitlines():
        if found := re.fullmatch(r"## `(\w+)`", line):
            strategy, above, heads = found[1], "", []
        elif not line.startswith("|"):
            above, heads = (line or above), []
        elif not heads:
            heads = cells(line)
        elif not line.startswith("|---") and strategy:
            yield row_of(strategy, above, dict(zip(heads, cells(line), strict=True)))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def row_of(strategy: str, above: str, by_head: dict[str, str]) -> Row:
    models = {found[1]: head for head in by_head if (found := _MODEL.fullmatch(head))}
    said = {model: by_head[head].split() for model, head in models.items() if by_head[head] != "-"}
    return Row(
        strategy=strategy,
        rules={
            key: value == "true" if value.isalpha() else float(value) for key, value in _RULE.findall(above)
        },
        weights={model: float(head.split(", ")[1]) for model, head in models.items()},
        said={model: (signal, float(confidence)) for model, (signal, confidence) in said.items()},
        expected={head: by_head[head] for head in ("score", "conflict", "signal")},
    )


ROWS = list(rows_of(PAGE.read_text(encoding="utf-8")))


def one(symbol: str, signal: str, confidence: float, expected: float = 0.1) -> ModelOutput:
    return ModelOutput(symbol, SignalType(signal), confidence, expected)


def decide(
    said: Mapping[str, tuple[str, float]], weights: Mapping[str, float], strategy: str, **rules: object
) -> EnsembleSignal | None:
    found = combine(
        {model: [one("AAA", *answer)] for model, answer in said.items()},
        as_of=TODAY,
        weights=weights,
        rules=EnsembleRules(conflict_strategy=Strategy(strategy), **rules),
    )
    return found[0] if found else None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.strategy}-{row.said}")
def test_each_row_of_the_truth_tables_holds(row: Row) -> None:
    found = decide(row.said, row.weights, row.strategy, **row.rules)

    if row.expected["signal"] == "none":
        assert found is None
        return
    assert found is not None
    assert found.signal == row.expected["signal"]
    assert found.ensemble_score == found.confidence == float(row.expected["score"])
    assert (found.conflict_reason or "") == row.expected["conflict"]
    assert found.conflict is bool(row.expected["conflict"])


def test_the_truth_tables_are_read_whole() -> None:
    assert Counter(row.strategy for row in ROWS) == {
        "weighted_majority": 29,
        "confidence_based": 14,
        "conservative": 11,
    }


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_model_of_weight_nothing_has_no_voice(strategy: str) -> None:
    said = {"a": ("BUY", 0.9), "b": ("BUY", 0.9), "shadow": ("SELL", 0.1)}

    found = decide(said, {"a": 1, "b": 1, "shadow": 0}, strategy)

    assert found is not None
    assert (found.conflict, found.ensemble_score) == (False, 0.9)
    assert found.models_contributing == ("a", "b")
    assert decide(said, {"a": 1, "b": 0, "shadow": 0}, strategy) is None
    assert decide(said, {"a": 0, "b": 0, "shadow": 0}, strategy) is None


def test_signals_agree_when_all_five_way_signals_are_equal() -> None:
    agreed = decide({"a": ("BUY", 0.9), "b": ("BUY", 0.1)}, {"a": 1, "b": 1}, "conservative")
    alike = decide({"a": ("BUY", 0.9), "b": ("STRONG_BUY", 0.9)}, {"a": 1, "b": 1}, "conservative")

    assert agreed is not None
    assert alike is not None
    assert (agreed.signals_agree, alike.signals_agree) == (True, False)


def test_models_are_named_in_the_order_of_the_catalog() -> None:
    said = {"b": ("SELL", 0.9), "z": ("BUY", 0.8), "a": ("BUY", 0.7)}

    found = decide(said, {"z": 1, "a": 1, "b": 1}, "weighted_majority")

    assert found is not None
    assert found.models_contributing == ("z", "a", "b")
    assert found.conflict_reason == "z=BUY, a=BUY, b=SELL"
    assert found.model_signals == {"z": "BUY", "a": "BUY", "b": "SELL"}
    assert found.model_confidences == {"z": 0.8, "a": 0.7, "b": 0.9}
    assert found.as_of == TODAY


def test_the_ensemble_ranks_by_score_times_expected_return_then_by_score_then_by_symbol() -> None:
    answers = [
        one("LOSS", "BUY", 0.9, -0.2),
        one("MILD", "BUY", 0.9, 0.1),
        one("BEST", "BUY", 0.8, 0.2),
        one("SURE", "HOLD", 0.9, 0.0),
        one("WEAK", "HOLD", 0.2, 0.0),
        one("BALM", "BUY", 0.9, 0.1),
    ]

    found = combine(
        {"a": answers, "b": answers}, as_of=TODAY, weights={"a": 1, "b": 1}, rules=EnsembleRules()
    )

    assert [(each.rank, each.symbol) for each in found] == [
        (1, "BEST"),
        (2, "BALM"),
        (3, "MILD"),
        (4, "SURE"),
        (5, "WEAK"),
        (6, "LOSS"),
    ]


def test_the_weights_of_a_symbol_are_shared_out_among_those_that_answered_for_it() -> None:
    found = combine(
        {
            "a": [one("X", "BUY", 0.8)],
            "b": [one("X", "BUY", 0.6), one("Y", "BUY", 0.6)],
            "c": [one("Y", "BUY", 0.9)],
        },
        as_of=TODAY,
        weights={"a": 0.5, "b": 0.3, "c": 0.2},
        rules=EnsembleRules(),
    )

    assert {each.symbol: each.ensemble_score for each in found} == {"X": 0.725, "Y": 0.72}


def test_one_model_ranks_by_confidence_times_expected_return_ties_by_symbol() -> None:
    answers = [
        one("B", "BUY", 0.5, 0.2),
        one("A", "BUY", 0.2, 0.5),
        one("C", "BUY", 0.9, 0.3),
        one("D", "SELL", 0.9, -0.1),
    ]

    assert [(each.symbol, each.rank) for each in ranked(answers)] == [("C", 1), ("A", 2), ("B", 3), ("D", 4)]


_SIDES = {"STRONG_BUY": "buy", "BUY": "buy", "HOLD": "hold", "SELL": "sell", "STRONG_SELL": "sell"}
_HUNDREDTHS = st.integers(0, 100).map(lambda number: Fraction(number, 100))
_ANSWERS = st.tuples(
    st.sampled_from(list(_SIDES)), _HUNDREDTHS, st.integers(-100, 100).map(lambda n: Fraction(n, 1000))
)
_MODELS = ("a", "b", "c", "d", "e")
_TABLES = st.dictionaries(
    st.sampled_from(_MODELS), st.dictionaries(st.sampled_from(["X", "Y", "Z"]), _ANSWERS), max_size=5
)
_WEIGHTS = st.lists(st.integers(0, 10).map(lambda number: Fraction(number, 10)), min_size=5, max_size=5)
_RULES = st.tuples(st.sampled_from(list(Strategy)), _HUNDREDTHS, _HUNDREDTHS, st.booleans())


def by_the_book(table, weights, rules):
    """As docs/reference/ensemble-rules.md says it, sentence by sentence, without a thought for speed."""
    strategy, min_agreement, min_confidence, flag = rules
    found = []
    for symbol in ("X", "Y", "Z"):
        voices = [m for m in _MODELS if weights[m] > 0 and symbol in table.get(m, {})]
        if len(voices) < 2:
            continue
        share = {m: weights[m] / sum(weights[v] for v in voices) for m in voices}
        signal = {m: table[m][symbol][0] for m in voices}
        score = sum(share[m] * table[m][symbol][1] for m in voices)
        expected = sum(share[m] * table[m][symbol][2] for m in voices)
        sides = {
            side: sum(share[m] for m in voices if _SIDES[signal[m]] == side)
            for side in ("buy", "hold", "sell")
        }
        in_conflict = {"buy", "sell"} <= {_SIDES[said] for said in signal.values()}
        if strategy == "confidence_based":
            result, agreement = by_score(score), max(sides.values())
        else:
            points = Counter()
            for m in voices:
                vote = share[m] * sureness(_SIDES[signal[m]], table[m][symbol][1])
                points[signal[m]] += vote if strategy == "weighted_majority" else 1
            result = most(points)
            agreement = sides[_SIDES[result]]
            if in_conflict or sureness(_SIDES[result], score) < min_confidence:
                result = "HOLD"
        if agreement < min_agreement:
            result = "HOLD"
        reason = ", ".join(f"{m}={signal[m]}" for m in voices if _SIDES[signal[m]] != "hold")
        found.append((-score * expected, -score, symbol, result, reason if in_conflict and flag else None))
    return [(symbol, -score, result, reason) for _, score, symbol, result, reason in sorted(found)]


def sureness(side, probability):
    return {"buy": probability, "sell": 1 - probability, "hold": max(probability, 1 - probability)}[side]


def by_score(score):
    if score >= Fraction("0.65"):
        return "STRONG_BUY"
    if score >= Fraction("0.55"):
        return "BUY"
    if score <= Fraction("0.35"):
        return "STRONG_SELL"
    return "SELL" if score <= Fraction("0.45") else "HOLD"


def most(points):
    best = [said for said, number in points.items() if number == max(points.values())]
    return best[0] if len(best) == 1 else "HOLD"


@settings(deadline=None, max_examples=300)
@given(_TABLES, _WEIGHTS, _RULES)
def test_the_ensemble_decides_as_the_book_does_in_exact_fractions(table, weights, rules) -> None:
    by_model = dict(zip(_MODELS, weights, strict=True))
    strategy, min_agreement, min_confidence, flag = rules

    found = combine(
        {
            model: [
                one(symbol, said, float(sure), float(expected))
                for symbol, (said, sure, expected) in its.items()
            ]
            for model, its in table.items()
        },
        as_of=TODAY,
        weights={model: float(weight) for model, weight in by_model.items()},
        rules=EnsembleRules(
            conflict_strategy=strategy,
            min_agreement=float(min_agreement),
            min_confidence=float(min_confidence),
            flag_conflicts=flag,
        ),
    )

    assert [(each.symbol, each.ensemble_score, each.signal, each.conflict_reason) for each in found] == [
        (symbol, round(float(score), 9), result, reason)
        for symbol, score, result, reason in by_the_book(table, by_model, rules)
    ]
    assert [each.rank for each in found] == list(range(1, len(found) + 1))


def test_two_thousand_symbols_of_five_models_are_combined_at_once() -> None:
    chance = random.Random(0)
    answers = {
        model: [
            one(f"S{number}", chance.choice(list(_SIDES)), chance.random(), chance.random() - 0.5)
            for number in range(2000)
        ]
        for model in _MODELS
    }
    began = time.process_time()

    found = combine(answers, as_of=TODAY, weights=dict.fromkeys(_MODELS, 1.0), rules=EnsembleRules())

    assert len(found) == 2000
    assert time.process_time() - began < 1


def test_rules_that_were_stored_under_the_earlier_name_are_read() -> None:
    stored = {"strategy": "conservative", "min_agreement": 0.5, "min_confidence": 0.6, "flag_conflicts": True}

    assert EnsembleRules.from_json(stored) == EnsembleRules(conflict_strategy=Strategy.CONSERVATIVE)
    assert EnsembleRules.from_json(EnsembleRules().to_json()) == EnsembleRules()
