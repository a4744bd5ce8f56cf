"""What may come of asking a signal model, in the cell and as a cell wrote it down."""

import json
from collections import UserDict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.ensemble import combine
from bakeoff.domain.signal import (
    ConfidenceMeaning,
    EnsembleRules,
    ModelConfig,
    ModelOutput,
    SignalType,
    Strategy,
)
from registry.code.call_signal_model import (
    BadSignalsError,
    answers_from_json,
    answers_to_json,
    artefact_version_of,
    checked_signals,
    construct,
    in_probabilities,
    sell_remark,
)
from registry.code.model_building import LoadError
from registry.interface import ModelPlugin

FRIDAY = date(2026, 11, 20)
ASKED = ["AAA", "BBB", "CCC"]


class Says(ModelPlugin):
    def __init__(self, answers):
        self.answers = answers

    def generate_signals(self, symbols, as_of):
        return self.answers

    def explain(self, symbol):
        return {}


def answer(symbol="AAA", signal=SignalType.BUY, confidence=0.7, expected_return=0.1, **more):
    return ModelOutput(symbol, signal, confidence, expected_return, **more)


def asked(*answers):
    return checked_signals(Says(answers), ASKED, FRIDAY)


def test_answers_come_ranked_by_the_host_whatever_the_model_says_of_rank():
    found = asked(answer("BBB", rank=1), answer("CCC", confidence=0.9, rank=7), answer("AAA"))

    assert [(one.symbol, one.rank) for one in found] == [("CCC", 1), ("AAA", 2), ("BBB", 3)]


def test_no_opinion_is_no_fault():
    assert asked() == ()
    assert checked_signals(Says(iter([answer()])), ASKED, FRIDAY) == (answer(rank=1),)


def test_a_method_that_is_async_is_awaited():
    class Later(Says):
        async def generate_signals(self, symbols, as_of):
            return [answer(symbol) for symbol in symbols]

    assert [one.symbol for one in checked_signals(Later(None), ASKED, FRIDAY)] == ASKED


def test_numbers_of_numpy_and_signals_as_text_become_plain():
    [found] = asked(answer(signal="STRONG_SELL", confidence=np.float32(0.5), expected_return=np.int64(-1)))

    assert found == answer(signal=SignalType.STRONG_SELL, confidence=0.5, expected_return=-1.0, rank=1)
    assert (type(found.signal), type(found.confidence), type(found.expected_return)) == (
        SignalType,
        float,
        float,
    )


@pytest.mark.parametrize(("said", "kept"), [(1 + 1e-7, 1.0), (-1e-7, 0.0), (0, 0.0), (1, 1.0)])
def test_a_confidence_may_miss_0_and_1_by_what_rounding_misses(said, kept):
    [found] = asked(answer(confidence=said))

    assert found.confidence == kept


def test_metadata_are_what_json_can_hold_of_them():
    [found] = asked(
        answer(metadata=UserDict({"shap": np.array([1.5, 2.0]), 3: {"when": FRIDAY}, "nan": np.nan}))
    )

    assert found.metadata == {"shap": [1.5, 2.0], "3": {"when": "2026-11-20"}, "nan": "nan"}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (None, "generate_signals returned None, where a list of ModelOutput is due"),
        ("BUY", "generate_signals returned a str, where a list of ModelOutput is due"),
        ({"AAA": answer()}, "generate_signals returned a dict, where a list of ModelOutput is due"),
        (3, "generate_signals returned an int, where a list of ModelOutput is due"),
        ([answer(), "BUY"], "generate_signals returned a str at entry 1, where a ModelOutput is due"),
        (
            [answer("ZZZ")],
            "generate_signals returned a signal for 'ZZZ' at entry 0, which is none of those given",
        ),
        (
            [answer(["AAA"])],
            "generate_signals returned a signal for ['AAA'] at entry 0, which is none of those given",
        ),
        ([answer(), answer("BBB"), answer()], "generate_signals returned two signals for AAA"),
        ([answer(signal="MAYBE")], "the signal for AAA is 'MAYBE'"),
        ([answer(signal=None)], "the signal for AAA is None"),
        ([answer(signal=["BUY"])], "the signal for AAA is ['BUY']"),
        ([answer(confidence=1.01)], "the confidence for AAA is 1.01"),
        ([answer(confidence=-0.5)], "the confidence for AAA is -0.5"),
        ([answer(confidence=float("nan"))], "the confidence for AAA is nan, where a finite number is due"),
        ([answer(confidence=None)], "the confidence for AAA is None, where a finite number is due"),
        ([answer(confidence=True)], "the confidence for AAA is True, where a finite number is due"),
        ([answer(confidence="0.5")], "the confidence for AAA is '0.5', where a finite number is due"),
        (
            [answer(expected_return=np.inf)],
            "the expected_return for AAA is inf, where a finite number is due",
        ),
        ([answer(metadata=[1])], "the metadata for AAA are a list"),
        ([answer(metadata=None)], "the metadata for AAA are None"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_symbol_and_a_cure(answers, said):
    with pytest.raises(BadSignalsError) as refused:
        checked_signals(Says(answers), ASKED, FRIDAY)

    assert refused.value.message == said
    assert refused.value.hint.startswith(("return ", "answer ", "leave out "))


def test_answers_survive_the_border_of_a_cell():
    found = asked(answer("BBB", metadata={"why": ["trend", 1.5, None]}), answer(signal=SignalType.SELL))

    assert answers_from_json(json.loads(json.dumps(answers_to_json(found))), ASKED) == found


@pytest.mark.parametrize(
    "written",
    [
        None,
        3,
        "text",
        {"symbol": "AAA"},
        [3],
        [None],
        [[]],
        [{}],
        [{"symbol": "AAA"}],
        [{**answers_to_json([answer()])[0], "more": 1}],
        [{**answers_to_json([answer()])[0], "signal": 5}],
        [{**answers_to_json([answer()])[0], "confidence": "much"}],
        [{**answers_to_json([answer()])[0], "symbol": {"AAA": 1}}],
        answers_to_json([answer("ZZZ")]),
        answers_to_json([answer(), answer()]),
    ],
)
def test_whatever_a_cell_wrote_instead_is_refused(written):
    with pytest.raises(BadSignalsError):
        answers_from_json(written, ASKED)


MINE = """
class Mine:
    artefacts = ("trend",)
    def __init__(self, data, artefacts, *, days=60, **more):
        self.given = (data, artefacts, days, more)
    def generate_signals(self, symbols, as_of): return []
    def explain(self, symbol): return {}
"""


def a_signal_model(root: Path, source: str = MINE, **params: object) -> Candidate:
    (root / "mine.py").write_text(source)
    return Candidate(
        id="trend",
        version="v1.1",
        kind=CandidateKind.SIGNAL,
        path="mine.py:Mine",
        params=params,
        weight=0.6,
    )


def test_a_model_is_constructed_with_data_artefacts_and_params_and_knows_its_config(tmp_path):
    model = a_signal_model(tmp_path, days=20, artefact_version="1.2.0", deep={"class": "fractions:Fraction"})

    plugin = construct(model, {"prices": 1}, {"trend": 2}, root=tmp_path)

    assert plugin.given == ({"prices": 1}, {"trend": 2}, 20, {"deep": 0})
    assert plugin.config == ModelConfig("trend", "v1.1", 0.6)


def test_which_version_of_its_saved_models_it_works_with_is_for_the_host(tmp_path):
    assert artefact_version_of(a_signal_model(tmp_path)) is None
    assert artefact_version_of(a_signal_model(tmp_path, artefact_version="1.2.0")) == "1.2.0"
    assert artefact_version_of(a_signal_model(tmp_path, artefact_version=3)) == "3"


def test_a_constructor_that_raises_is_told_with_its_traceback(tmp_path):
    raises = MINE.replace("self.given =", "1 / 0; self.given =")

    with pytest.raises(LoadError) as refused:
        construct(a_signal_model(tmp_path, raises), {}, {}, root=tmp_path)

    assert refused.value.cause == "mine.py:Mine failed at construct with ZeroDivisionError: division by zero"
    assert "1 / 0" in refused.value.traceback


def a_model(confidence: ConfidenceMeaning) -> Candidate:
    return Candidate(id="m", version="1", kind=CandidateKind.SIGNAL, path="m:C", confidence=confidence)


SURE, PROBABLE = a_model(ConfidenceMeaning.SURENESS), a_model(ConfidenceMeaning.PROBABILITY)


def test_how_sure_a_model_is_becomes_the_probability_of_a_positive_return() -> None:
    given = [
        ModelOutput(signal, SignalType(signal), 0.8, 0.1)
        for signal in ("STRONG_BUY", "BUY", "HOLD", "SELL", "STRONG_SELL")
    ]

    found = {one.symbol: one.confidence for one in in_probabilities(SURE, given)}

    assert found == {"STRONG_BUY": 0.8, "BUY": 0.8, "HOLD": 0.5, "SELL": 0.2, "STRONG_SELL": 0.2}
    assert {one.confidence for one in in_probabilities(PROBABLE, given)} == {0.8}


def test_two_models_that_are_sure_of_their_sell_sell() -> None:
    strong = in_probabilities(SURE, [ModelOutput("AAA", SignalType.STRONG_SELL, 0.7, -0.1)])
    weak = in_probabilities(SURE, [ModelOutput("AAA", SignalType.SELL, 0.8, -0.1)])

    for strategy, expected in (("confidence_based", "STRONG_SELL"), ("weighted_majority", "STRONG_SELL")):
        [found] = combine(
            {"strong": strong, "weak": weak},
            as_of=FRIDAY,
            weights={"strong": 0.6, "weak": 0.4},
            rules=EnsembleRules(conflict_strategy=Strategy(strategy)),
        )
        assert (found.signal, found.ensemble_score) == (expected, 0.26)


def test_sell_answers_that_say_a_rise_is_probable_are_remarked_on_with_the_cure() -> None:
    def sells(*confidences: float) -> list[ModelOutput]:
        return [ModelOutput(str(n), SignalType.SELL, p, -0.1) for n, p in enumerate(confidences)]

    bought = [ModelOutput("b", SignalType.BUY, 0.9, 0.1)] * 9
    assert sell_remark(PROBABLE, [*sells(0.9, 0.5), *bought]) is None
    assert sell_remark(PROBABLE, bought) is None
    seen, cure = sell_remark(PROBABLE, [*sells(0.9, 0.6, 0.4), *bought]) or ("", "")
    assert seen == "2 of 3 sell answers come with a confidence above 0.5"
    assert cure.endswith("write `confidence: sureness` into its entry of the catalog")
    seen, cure = sell_remark(SURE, in_probabilities(SURE, sells(0.2))) or ("", "")
    assert seen == "1 of 1 sell answers come with a sureness below 0.5"
    assert "leave that out" in cure
