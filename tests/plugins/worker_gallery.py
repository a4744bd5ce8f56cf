"""Candidates for the tests of the workers: some do well, the others do what strangers' code does."""

import ctypes
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def say_that_it_is_fitting() -> None:
    sys.stdout.write(f"fitting {os.getpid()}\n")


class Means:
    """The nearest mean of two, with noise that depends on every source of chance there is."""

    def __init__(self, random_state: int | None = None, spread: float = 0.5) -> None:
        self.random_state = random_state
        self.spread = spread

    def fit(self, X: Any, y: Any) -> None:
        noise = np.random.default_rng(self.random_state).normal(0, self.spread, X.shape[1])
        noise += np.random.normal(0, self.spread)
        noise += random.gauss(0, self.spread)
        values, labels = np.asarray(X, dtype=float), np.asarray(y)
        self.means = [values[labels == label].mean(axis=0) + noise for label in (0, 1)]

    def predict(self, X: Any) -> Any:
        values = np.asarray(X, dtype=float)
        far = [((values - mean) ** 2).sum(axis=1) for mean in self.means]
        return (far[1] < far[0]).astype(int)


class Logs(Means):
    """As a library does, and as one that speaks its own way."""

    def fit(self, X: Any, y: Any) -> None:
        logging.getLogger("gallery").info("fitting %d rows", len(X))
        sys.stdout.write("plain words\n")
        super().fit(X, y)
        logging.basicConfig(format="own way: %(message)s")
        logging.getLogger("gallery").info("fitted")


class Looks(Means):
    """Which of some modules are in memory before it has imported any."""

    def fit(self, X: Any, y: Any) -> None:
        there = [name for name in ("pandas", "sklearn.tree", "wave") if name in sys.modules]
        sys.stdout.write(f"there: {' '.join(there)}\n")
        super().fit(X, y)


class Sleeps(Means):
    def fit(self, X: Any, y: Any) -> None:
        say_that_it_is_fitting()
        time.sleep(60)


class Waits(Means):
    """Until the gate is there."""

    def __init__(self, gate: str, random_state: int | None = None) -> None:
        super().__init__(random_state)
        self.gate = gate

    def fit(self, X: Any, y: Any) -> None:
        say_that_it_is_fitting()
        while not Path(self.gate).exists():
            time.sleep(0.01)
        super().fit(X, y)


class WaitsAndDices(Waits):
    """And then asks a source of chance that nobody can seed."""

    def predict(self, X: Any) -> Any:
        return np.frombuffer(os.urandom(len(X)), dtype=np.uint8) % 2


class Raises(Means):
    def fit(self, X: Any, y: Any) -> None:
        raise ValueError("no such luck")


class RaisesLate(Means):
    def predict(self, X: Any) -> Any:
        raise KeyError("column")


class Exits(Means):
    def fit(self, X: Any, y: Any) -> None:
        sys.exit(3)


class Leaves(Means):
    def fit(self, X: Any, y: Any) -> None:
        os._exit(7)


class Crashes(Means):
    def fit(self, X: Any, y: Any) -> None:
        ctypes.string_at(0)


class KillsItself(Means):
    def fit(self, X: Any, y: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Short(Means):
    def predict(self, X: Any) -> Any:
        return super().predict(X)[1:]


class Dices(Means):
    """Asks a source of chance that nobody can seed."""

    def predict(self, X: Any) -> Any:
        return np.frombuffer(os.urandom(len(X)), dtype=np.uint8) % 2
