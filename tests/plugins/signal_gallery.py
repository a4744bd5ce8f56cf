"""Signal models for the tests of runs of signals: some answer, the others do what strangers' code does."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from registry.interface import ModelOutput, ModelPlugin, SignalType, Trained


class Says(ModelPlugin):
    """The same of each symbol, and nothing of those that it is to be silent about."""

    def __init__(
        self,
        data: Mapping[str, Any],
        artefacts: Mapping[str, Any],
        says: str = "BUY",
        confidence: float = 0.7,
        silent: Sequence[str] = (),
    ) -> None:
        self.prices = data["prices"]
        self.saved = artefacts
        self.says = SignalType(says)
        self.confidence = confidence
        self.silent = silent

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        sys.stdout.write(f"asked for {' '.join(symbols)} as of {as_of}\n")
        return [self.answer(symbol) for symbol in symbols if symbol not in self.silent]

    def answer(self, about: str, **changed: Any) -> ModelOutput:
        closes = self.prices.loc[self.prices["symbol"] == about, "close"]
        given = {
            "symbol": about,
            "signal": self.says,
            "confidence": self.confidence,
            "expected_return": 0.05,
            "metadata": {"last": float(closes.iloc[-1]), "pid": os.getpid()},
        }
        return ModelOutput(**{**given, **changed})

    def explain(self, symbol: str) -> dict[str, Any]:
        return {"feature_importance": {"close": 1.0}, "shap_values": {"close": 0.25}}


class SaysLater(Says):
    async def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        return super().generate_signals(symbols, as_of)


class Learned(Says):
    """Confident as its saved models say, which learn how many days there were."""

    artefacts = ("learned_level", "learned_slope")

    @classmethod
    def train(cls, data: Mapping[str, Any], as_of: date, *, seed: int, **params: Any) -> Trained:
        days = data["prices"]["date"].nunique()
        return Trained(
            models={"learned_level": {"level": days / 100}, "learned_slope": {"slope": seed}},
            metrics={"learned_level": {"auc": 0.75, "lost": float("nan")}, "learned_slope": {}},
            feature_names=("close", "volume"),
            folds=[{"fold": 1, "auc": 0.75}],
        )

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        self.confidence = self.saved["learned_level"]["level"]
        return super().generate_signals(symbols, as_of)


class Waits(Says):
    """Until the gate is there."""

    def __init__(self, data: Any, artefacts: Any, gate: str = "", says: str = "BUY") -> None:
        super().__init__(data, artefacts, says)
        self.gate = gate

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        sys.stdout.write(f"waiting {os.getpid()}\n")
        while not Path(self.gate).exists():
            time.sleep(0.01)
        return super().generate_signals(symbols, as_of)


class Reads(Says):
    """What stands in a file of the project, which the contract does not allow."""

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        self.confidence = float((Path(__file__).parent / "confidence.txt").read_text())
        return super().generate_signals(symbols, as_of)


class Raises(Says):
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        raise ValueError("no such luck")


class Sleeps(Says):
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        time.sleep(60)
        return []


class Crashes(Says):
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        ctypes.string_at(0)
        return []


class KillsItself(Says):
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []


class Untrained(Says):
    artefacts = ("never_saved",)


class LearnsHalf(Learned):
    @classmethod
    def train(cls, data: Mapping[str, Any], as_of: date, *, seed: int, **params: Any) -> Trained:
        return Trained(models={"learned_level": {}}, metrics={}, feature_names=())


class LearnsNothing(Learned):
    @classmethod
    def train(cls, data: Mapping[str, Any], as_of: date, *, seed: int, **params: Any) -> Trained:
        raise ValueError("too few days")


class LearnsALock(Learned):
    @classmethod
    def train(cls, data: Mapping[str, Any], as_of: date, *, seed: int, **params: Any) -> Trained:
        import threading

        models = {"learned_level": threading.Lock(), "learned_slope": {}}
        return Trained(models=models, metrics={}, feature_names=())


class Mumbles(Says):
    """When it is asked why."""

    def explain(self, symbol: str) -> Any:
        return "because"


class Doubles(Says):
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        return super().generate_signals([symbols[0], *symbols], as_of)


class Knows(Says):
    """Something of what nobody asked for."""

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        return [self.answer(symbols[0], symbol="ELSE")]


class Unsure(Says):
    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        return [self.answer(symbols[0], confidence=float("nan"))]


class Forges(Says):
    """What the host's own code in its cell would have checked."""

    def __init__(self, data: Any, artefacts: Any, what: str = "nan") -> None:
        super().__init__(data, artefacts)
        self.what = what

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> list[ModelOutput]:
        from bakeoff.evaluation.signals import answer_in_cell

        plain = {
            "symbol": symbols[0],
            "signal": "BUY",
            "confidence": 0.9,
            "expected_return": 0.1,
            "metadata": {},
        }
        forged: Any = {
            "nan": [{**plain, "confidence": float("nan")}],
            "huge number": [{**plain, "expected_return": 10**400}],
            "true": [{**plain, "confidence": True}],
            "twice": [plain, plain],
            "unknown": [{**plain, "symbol": "ELSE"}],
            "list for a symbol": [{**plain, "symbol": [symbols[0]]}],
            "list for a signal": [{**plain, "signal": ["BUY"]}],
            "rank": [{**plain, "rank": "first", "extra": 1}],
            "text": "BUY",
            "number": 7,
            "null": [None],
            "nested": [{**plain, "metadata": [1]}],
            "zero byte": [{**plain, "metadata": {"a": "\0"}}],
            "large": [{**plain, "metadata": {"a": "x" * (17 * 2**20)}}],
        }[self.what]
        answer_in_cell.answers_to_json = lambda _: forged
        return super().generate_signals(symbols, as_of)
