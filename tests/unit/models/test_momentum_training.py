"""What model_a learns, from what, and how it is found out how good it is."""

import builtins
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from fixtures.projects.market import walk
from threadpoolctl import threadpool_limits

from bakeoff.evaluation.market.synthetic_market import make_market
from models.model_a import ModelAPlugin
from models.momentum.features import FEATURES, Screens
from models.momentum.training import Samples, samples_until, train, walk_forward
from models.signals.price_history import History

EVERYTHING = Screens(min_dollar_volume=0, min_price=0)
LAST = date(2026, 6, 30)


def prices(**how: object) -> pd.DataFrame:
    made = make_market(**how).prices  # type: ignore[arg-type]
    return made.assign(adj_close=made["close"])


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a cell; many threads on few rows wait for each other."""
    import lightgbm  # noqa: F401 - what is loaded can be limited

    with threadpool_limits(1):
        yield


def with_holidays(days: int) -> pd.DataFrame:
    """Every eighth day is none, so that 21 rows take longer than the month between two samples."""
    whole = walk(20, days)
    kept = whole.groupby("symbol", observed=True).cumcount() % 8 > 0
    return whole[kept].reset_index(drop=True)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return samples_until(History(with_holidays(900)), date(2023, 6, 1), EVERYTHING)


def test_what_is_learned_is_the_return_over_the_next_21_rows(samples):
    rows = with_holidays(900).query("symbol == 'S003'").reset_index(drop=True)
    mine = samples.rows(samples.features.index.to_numpy() % 20 == 3)
    for day, known_on, forward in zip(mine.day, mine.known_on, mine.forward, strict=True):
        now = rows.index[rows["date"] <= day][-1]
        assert rows["date"][now + 21] == known_on
        assert forward == pytest.approx(rows["close"][now + 21] / rows["close"][now] - 1)
    assert len(mine) == len(np.unique(samples.day)) > 20


def test_nothing_is_learned_that_was_not_known_yet(samples):
    assert samples.known_on.max() <= np.datetime64("2023-06-01")
    early = samples_until(History(with_holidays(900)), date(2022, 6, 1), EVERYTHING)
    assert early.known_on.max() <= np.datetime64("2022-06-01")
    assert early.day.max() < np.datetime64("2022-05-01")  # a month before, it was not told yet


def test_a_suspended_symbol_gives_no_sample_while_it_is_suspended():
    whole = walk(1, 700)
    pause = (whole["date"] > "2021-06-01") & (whole["date"] < "2021-09-01")
    found = samples_until(History(whole[~pause]), date(2022, 9, 1), EVERYTHING)
    days = found.day
    assert len(found.features) == len(found.known_on) == len(days)
    assert not ((days > np.datetime64("2021-05-25")) & (days < np.datetime64("2021-09-01"))).any()
    assert (days > np.datetime64("2021-09-01")).any()


def test_no_return_that_is_trained_on_overlaps_the_window_that_is_tested(samples):
    folds = list(walk_forward(samples))

    assert len(folds) == 4
    for train_part, test_part in folds:
        assert train_part.known_on.max() < test_part.day.min()
        assert len(train_part) > 0
    tested = np.concatenate([np.unique(test_part.day) for _, test_part in folds])
    assert tested.tolist() == sorted(set(tested.tolist()))  # each day once, in order
    assert tested[-1] == samples.day.max()


def test_the_planted_signal_is_found_and_nothing_is_found_once_returns_are_shuffled():
    found = ModelAPlugin.train({"prices": prices(symbols=100, years=4)}, LAST, seed=0)
    nothing = ModelAPlugin.train({"prices": prices(symbols=100, years=4, shuffled=True)}, LAST, seed=0)

    assert found.metrics["model_a_classifier"]["auc"] > 0.57
    assert found.metrics["model_a_regressor"]["rank_correlation"] > 0.2
    assert nothing.metrics["model_a_classifier"]["auc"] < 0.54
    assert abs(nothing.metrics["model_a_regressor"]["rank_correlation"]) < 0.05


def test_the_same_seed_gives_the_same_models_and_what_is_known_of_them():
    data = {"prices": prices(symbols=20, years=3)}

    one, again = (ModelAPlugin.train(data, LAST, seed=3) for _ in range(2))

    assert set(one.models) == {"model_a_classifier", "model_a_regressor"}
    for name, model in one.models.items():
        assert model.booster_.model_to_string() == again.models[name].booster_.model_to_string()
    assert one.metrics == again.metrics
    assert one.feature_names == FEATURES
    assert set(one.metrics["model_a_classifier"]) == {"auc", "accuracy"}
    assert set(one.metrics["model_a_regressor"]) == {"rank_correlation", "mae"}
    assert [fold["fold"] for fold in one.folds] == [1, 2, 3, 4]
    assert set(one.folds[0]) == {
        "fold",
        "first",
        "last",
        "train_rows",
        "test_rows",
        "auc",
        "accuracy",
        "rank_correlation",
        "mae",
    }


def test_what_came_after_the_day_changes_nothing_that_is_learned():
    data = prices(symbols=20, years=3)
    day = LAST - timedelta(days=200)
    changed = data.copy()
    changed.loc[changed["date"] > pd.Timestamp(day), ["close", "adj_close"]] *= 3

    one, other = (ModelAPlugin.train({"prices": frame}, day, seed=0) for frame in (data, changed))

    assert one.metrics == other.metrics


def test_too_little_to_learn_from_is_an_error_that_says_what_would_be_enough():
    with pytest.raises(ValueError, match=r"of \d+ months are too few to learn from: 200 of 9 are the least"):
        ModelAPlugin.train({"prices": walk(5, 330)}, date(2021, 6, 1), seed=0, min_dollar_volume=0)
    with pytest.raises(ValueError, match="0 samples of 0 months are too few to learn from"):
        ModelAPlugin.train({"prices": walk(5, 20)}, date(2020, 6, 1), seed=0)


def test_without_lightgbm_the_error_says_what_to_install(samples, monkeypatch):
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "lightgbm":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="not installed: `pip install lightgbm`"):
        train(samples, classifier="c", regressor="r", seed=0)
