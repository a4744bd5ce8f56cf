"""What may come of asking a signal model, in the cell and as a cell wrote it down."""

import json
from collections import UserDict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.signal import ModelConfig, ModelOutput, SignalType
from registry.code.model_building import LoadError
from registry.code.signal_models import (
    BadSignalsError,
    answers_from_json,
    answers_to_json,
    artefact_version_of,
    checked_signals,
    construct,
)
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
