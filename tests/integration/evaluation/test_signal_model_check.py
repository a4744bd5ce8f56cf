"""`bakeoff check`: what a signal model does wrong is found, and named with a cure."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.projects.command_line import Project

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.evaluation.market.market_pinning import PinnedMarket, pin_market
from bakeoff.evaluation.signals import check_signal_model_in_cell
from bakeoff.settings.market_settings import MarketSettings, MarketSource, TableSettings

GOOD = """
from registry.interface import ModelOutput, ModelPlugin, SignalType

class Mine(ModelPlugin):
    def __init__(self, data, artefacts, confidence=0.75):
        self.confidence, self.asked = confidence, 0

    def generate_signals(self, symbols, as_of):
        self.asked += 1
        return [ModelOutput(s, SignalType.BUY, self.sure(s, symbols), 0.1) for s in symbols]

    def sure(self, symbol, symbols):
        return self.confidence

    def explain(self, symbol):
        return {"feature_importance": {"hope": 1.0}}
"""
LEARNS = GOOD.replace(
    "    def __init__",
    """    artefacts = ("hope",)

    @classmethod
    def train(cls, data, as_of, *, seed, confidence=0.75):
        from registry.interface import Trained
        return Trained(models={"hope": len(data["prices"])}, metrics={}, feature_names=())

    def __init__""",
).replace(
    "self.confidence, self.asked =", "assert artefacts['hope'] > 1000\n        self.confidence, self.asked ="
)

LOADS = "loads"
LEARNT = "learns"
CONSTRUCTED = "constructs"
USABLE = "answers"
AGAIN = "deterministic"
ORDER = "row-order"
ALONE = "batch-split"
EXPLAINS = "explains"
SELLS = "sell-confidence"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> PinnedMarket:
    made_up = TableSettings(source=MarketSource.SYNTHETIC)
    folder = tmp_path_factory.mktemp("market")
    settings = MarketSettings(prices=made_up, fundamentals=made_up)
    return pin_market(settings, root=folder, snapshots=folder, as_of=None)


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[CellApi]:
    with Path(os.devnull).open("wb") as report:
        yield CellApi(scratch=tmp_path, report=report.fileno(), outputs={})


@pytest.fixture
def check(market: PinnedMarket, inside: CellApi, tmp_path: Path) -> Callable[..., dict[str, tuple[str, str]]]:
    """By check, what became of it, and what was seen."""

    def check(source: str, **params: Any) -> dict[str, tuple[str, str]]:
        (tmp_path / "mine.py").write_text(source)
        path = f"{tmp_path}/mine.py:Mine"
        model = Candidate(id="mine", version="1", kind=CandidateKind.SIGNAL, path=path, params=params)
        payload = {
            "about": {},
            "candidate": model.to_json(),
            "root": str(tmp_path),
            "market": str(market.folder),
            "asOf": market.as_of.isoformat(),
            "symbols": list(market.symbols[:20]),
        }
        found = check_signal_model_in_cell.check(payload, inside)
        assert all(one["cure"] for one in found if one["outcome"] == "failed")
        return {one["slug"]: (one["outcome"], one["seen"]) for one in found}

    return check


def test_a_model_that_keeps_the_contract_passes_every_check(check) -> None:
    assert check(GOOD, confidence=0.5) == {
        LOADS: ("passed", ""),
        LEARNT: ("skipped", "it works without saved models"),
        CONSTRUCTED: ("passed", ""),
        USABLE: ("passed", ""),
        AGAIN: ("passed", ""),
        ORDER: ("passed", ""),
        ALONE: ("passed", ""),
        EXPLAINS: ("passed", ""),
        SELLS: ("skipped", "it sells nothing on this market"),
    }


def test_what_it_works_with_it_learns_first(check) -> None:
    assert {verdict for check, (verdict, _) in check(LEARNS).items() if check != SELLS} == {"passed"}


def test_sells_with_a_high_probability_of_a_rise_fail_a_check(check) -> None:
    sells = GOOD.replace("SignalType.BUY", "SignalType.SELL")

    assert check(sells, confidence=0.2)[SELLS] == ("passed", "20 sell answers")
    assert check(sells, confidence=0.8)[SELLS] == (
        "failed",
        "20 of 20 sell answers come with a confidence above 0.5",
    )


@pytest.mark.parametrize(
    ("change", "claim", "why"),
    [
        (
            ("class Mine", "class Yours"),
            LOADS,
            "has no class 'Mine'",
        ),
        (("self, data, artefacts, ", "self, "), LOADS, "does not take data and artefacts"),
        (
            ("self.confidence, self.asked =", "1 / 0; self.confidence, self.asked ="),
            CONSTRUCTED,
            "ZeroDivision",
        ),
        (("return self.confidence", "return 2"), USABLE, "the confidence for SYN0001 is 2"),
        (("self.asked += 1", "raise SystemExit(3)"), USABLE, "it raised SystemExit: 3"),
        (
            ("return self.confidence", "import random; return random.SystemRandom().random()"),
            AGAIN,
            "for SYN0001 it answered BUY, confidence",
        ),
        (
            ("return self.confidence", "return symbols.index(symbol) / 100"),
            ORDER,
            "for SYN0001 it answered BUY, confidence 0, return 0.1, and BUY, confidence 0.19, return 0.1",
        ),
        (
            ("return self.confidence", "return 1 / len(symbols)"),
            ALONE,
            (
                "for SYN0001 it answered BUY, confidence 0.05, return 0.1, "
                "and BUY, confidence 1, return 0.1 alone"
            ),
        ),
        (('{"feature_importance": {"hope": 1.0}}', "None"), EXPLAINS, "explain returned None"),
        (('{"feature_importance": {"hope": 1.0}}', "{'hope': 1}"), EXPLAINS, "explain returned {'hope': 1}"),
    ],
)
def test_what_it_does_wrong_is_named(check, change: tuple[str, str], claim: str, why: str) -> None:
    found = check(GOOD.replace(*change))

    failed = {text: said for text, (verdict, said) in found.items() if verdict == "failed"}
    assert next(iter(failed)) == claim
    assert why in failed[claim]


def test_a_training_without_the_models_that_are_named_is_named(check) -> None:
    found = check(LEARNS.replace('{"hope": len', '{"hop": len'))

    assert found[LEARNT] == ("failed", "train returned a Trained without exactly the models hope")
    assert found[CONSTRUCTED] == ("skipped", f"it needs {LEARNT}")


def test_a_model_without_any_opinion_is_not_said_to_hold_what_nobody_has_seen(check) -> None:
    found = check(GOOD.replace("for s in symbols]", "for s in symbols if False]"))

    assert found[USABLE] == ("passed", "")
    assert found[AGAIN] == found[EXPLAINS] == ("skipped", "it has no opinion on any symbol of this market")


def test_the_command_counts_what_passed_and_what_did_not(project: Project) -> None:
    (project.root / "plugs").mkdir()
    (project.root / "plugs" / "mine.py").write_text(GOOD)

    good = project.bakeoff("check", "plugs/mine.py", "--param", "confidence=0.5")
    (project.root / "plugs" / "mine.py").write_text(
        GOOD.replace("return self.confidence", "import os; os._exit(7)")
    )
    ended = project.bakeoff("check", "plugs/mine.py:Mine", "--json")

    assert good.exit_code == 0
    counts = "7 run, 7 passed, 0 failed, 2 skipped"
    assert good.stdout.splitlines()[-1].startswith(f"{project.root}/plugs/mine.py:Mine  {counts}, ")
    assert f"✓ {ALONE}" in good.stdout
    assert ended.exit_code == 1
    [only] = json.loads(ended.stdout)["checks"]
    assert (only["slug"], only["outcome"]) == (USABLE, "failed")
    assert f"failed in {USABLE}: " in only["seen"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("trend", "there is no candidate 'trend'; did you mean 'tree'?"),
        ("none.py", "none.py cannot be read: "),
        (
            "empty.py",
            "with fit and predict, or with generate_signals, and has none: name it",
        ),
        ("two.py", "or with generate_signals, and has these: 'A', 'B'"),
    ],
)
def test_what_cannot_be_checked_is_code_2_and_says_what_can(project: Project, what: str, said: str) -> None:
    (project.root / "config" / "models.yaml").write_text(
        "models: {tree: {path: 'sklearn.tree:DecisionTreeClassifier'}}"
    )
    (project.root / "empty.py").write_text("class A:\n    def fit(self): ...\n")
    method = "    async def generate_signals(self, symbols, as_of): ...\n"
    (project.root / "two.py").write_text(f"class A:\n{method}\nclass B:\n{method}")

    found = project.bakeoff("check", what)

    assert found.exit_code == 2
    assert said in found.stderr
