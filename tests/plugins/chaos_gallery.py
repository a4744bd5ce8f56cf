"""Candidates for runs under fire: some take their time, so that something is hit, some end badly anyway."""

import ctypes
import os
import random
import signal
import sys
import time

import numpy as np


class Naps:
    """The nearest mean of two, with noise from every source of chance there is, after a nap."""

    def __init__(self, seconds, random_state=None):
        self.seconds = seconds
        self.random_state = random_state

    def fit(self, X, y):
        print("fitting", os.getpid(), flush=True)
        for _ in range(round(self.seconds / 0.05)):  # not in one: who was stopped sleeps on when it goes on
            time.sleep(0.05)
        noise = np.random.default_rng(self.random_state).normal(0, 0.5, X.shape[1])
        noise += np.random.normal(0, 0.5) + random.gauss(0, 0.5)
        values, labels = np.asarray(X, dtype=float), np.asarray(y)
        self.means = [values[labels == label].mean(axis=0) + noise for label in (0, 1)]

    def predict(self, X):
        values = np.asarray(X, dtype=float)
        far = [((values - mean) ** 2).sum(axis=1) for mean in self.means]
        return (far[1] < far[0]).astype(int)


class Raises:
    def fit(self, X, y):
        raise ValueError("no such luck")

    def predict(self, X):
        """Never asked."""


class Exits(Raises):
    def fit(self, X, y):
        sys.exit(3)


class Leaves(Raises):
    def fit(self, X, y):
        os._exit(7)


class Crashes(Raises):
    def fit(self, X, y):
        ctypes.string_at(0)


class KillsItself(Raises):
    def fit(self, X, y):
        os.kill(os.getpid(), signal.SIGKILL)
