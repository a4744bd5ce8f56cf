"""A candidate that fails on purpose, to show what a failure looks like on the leaderboard."""

from typing import Any, NoReturn


class Broken:
    def fit(self, X: Any, y: Any) -> NoReturn:
        raise ValueError(
            "this candidate fails on purpose: its message, traceback and log are kept, and no other "
            "candidate is touched; take it out again with `enabled: false` in config/models.yaml"
        )

    def predict(self, X: Any) -> NoReturn:
        raise AssertionError("never reached: fit has failed")
