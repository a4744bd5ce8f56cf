"""What model_a looks at: right, and never from the future."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.projects.market import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from models.momentum.features import FEATURES, Screens, features_at
from models.signals.price_history import History

LAST = date(2021, 3, 1)  # of 305 business days since New Year 2020


def reference(rows: pd.DataFrame, day: date) -> dict[str, Any]:
    """Of one symbol, slow and obvious."""
    rows = rows[rows["date"] <= pd.Timestamp(day)]
    price, dollars = rows["adj_close"].to_list(), (rows["close"] * rows["volume"]).to_list()
    log_returns = np.log(rows["adj_close"]).diff()

    def ago(days: int) -> float:
        return price[-1 - days] if len(price) > days else np.nan

    def average(skipped: int = 0) -> float:
        part = price[: len(price) - skipped][-200:]
        return sum(part) / 200 if len(part) == 200 else np.nan

    def volatility(days: int) -> float:
        return log_returns.iloc[1:].tail(days).std() * 252**0.5 if len(price) > days else np.nan

    def trend() -> float:
        logs = np.log(price[-200:])
        return np.corrcoef(np.arange(200), logs)[0, 1] if len(logs) == 200 else np.nan

    def median(days: int) -> float:
        part = sorted(dollars[-days:])
        return (part[days // 2 - 1] + part[days // 2]) / 2 if len(part) == days else np.nan

    return {
        "return_12_1": ago(21) / ago(252) - 1,
        "return_9": ago(0) / ago(189) - 1,
        "return_6": ago(0) / ago(126) - 1,
        "return_3": ago(0) / ago(63) - 1,
        "volatility_30": volatility(30),
        "volatility_90": volatility(90),
        "volatility_ratio": volatility(30) / volatility(90),
        "above_average": ago(0) / average() - 1,
        "average_slope": average() / average(skipped=20) - 1,
        "trend_strength": trend(),
        "dollar_volume": median(20),
        "volume_ratio": median(20) / median(90),
        "price": rows["close"].iloc[-1],
        "age_days": (pd.Timestamp(day) - rows["date"].iloc[-1]).days,
    }


def with_gaps(prices: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Days left out, symbols that begin late and end early, and one split."""
    random = np.random.default_rng(seed)
    first = random.integers(0, 150, 40)[prices["symbol"].cat.codes]
    place = prices.groupby("symbol", observed=True).cumcount()
    kept = (random.random(len(prices)) > 0.02) & (place >= np.where(first > 75, first, 0))
    prices = prices.assign(close=np.where(place < 200, prices["adj_close"] * 4, prices["adj_close"]))
    prices = prices[kept].reset_index(drop=True)
    return prices.assign(symbol=prices["symbol"].cat.remove_unused_categories())


@pytest.mark.parametrize("day", [LAST, date(2021, 1, 30), date(2020, 7, 1)])
def test_features_are_those_of_a_slow_and_obvious_reference(day):
    prices = with_gaps(walk(12, 305), seed=4)

    found = features_at(History(prices), day)

    by_symbol = {
        symbol: reference(rows, day)
        for symbol, rows in prices.groupby("symbol", observed=True)
        if (rows["date"] <= pd.Timestamp(day)).any()
    }
    expected = pd.DataFrame.from_dict(by_symbol, orient="index")
    assert list(found) == list(expected)
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(dtype=float), rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), days_back=st.integers(1, 60), data=st.data())
def test_nothing_after_the_day_changes_any_feature(seed, days_back, data):
    """Changing, adding and removing prices that are later, whole symbols among them."""
    prices = walk(4, 300, seed=seed)
    day = prices["date"].max().date() - timedelta(days=days_back)
    later = np.flatnonzero(prices["date"] > pd.Timestamp(day))
    factor = data.draw(st.floats(0.01, 100))
    removed = data.draw(st.sets(st.sampled_from(later.tolist()), max_size=len(later)))
    changed = prices.copy()
    changed.loc[later, ["close", "adj_close"]] *= factor
    changed.loc[later, "volume"] *= data.draw(st.integers(0, 1000))
    changed = changed.drop(index=list(removed))
    extra = walk(1, 300, seed=1).assign(symbol="S0005").query("date > @day")
    changed = pd.concat([changed.astype({"symbol": "str"}), extra], ignore_index=True)
    changed = changed.sort_values(["symbol", "date"], ignore_index=True).astype({"symbol": "category"})

    pd.testing.assert_frame_equal(
        features_at(History(changed), day), features_at(History(prices), day), check_index_type=False
    )


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0.001, 1000))
def test_it_does_not_matter_as_of_when_prices_were_adjusted(factor):
    prices = walk(3, 260)
    other = prices.assign(adj_close=prices["adj_close"] * factor)
    pd.testing.assert_frame_equal(
        features_at(History(prices), LAST), features_at(History(other), LAST), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("days", "missing"),
    [
        (253, set()),
        (252, {"return_12_1"}),
        (219, {"return_12_1", "average_slope"}),
        (189, {"return_12_1", "return_9", "average_slope", "above_average", "trend_strength"}),
        (20, set(FEATURES) - {"dollar_volume"}),
        (1, set(FEATURES)),
    ],
)
def test_a_short_history_leaves_features_missing(days, missing):
    found = features_at(History(walk(1, days)), LAST)
    assert {name for name in FEATURES if np.isnan(found[name].iloc[0])} == missing


def test_a_price_that_never_moves_has_no_ratio_of_volatilities():
    still = walk(1, 260).assign(close=5.0, adj_close=5.0, volume=0.0)
    found = features_at(History(still), LAST).iloc[0]
    assert found[["return_12_1", "volatility_90", "above_average", "dollar_volume"]].tolist() == [0, 0, 0, 0]
    assert found[["volatility_ratio", "volume_ratio"]].isna().all()


def test_symbols_may_be_plain_text():
    prices = walk(3, 260)
    text = prices.astype({"symbol": "str"})
    pd.testing.assert_frame_equal(features_at(History(text), LAST), features_at(History(prices), LAST))


@pytest.mark.parametrize(
    "rows", [[2, 3, 0, 1], [1, 0, 2, 3], [0, 0, 1, 2]], ids=["symbols", "days", "a day twice"]
)
def test_prices_that_are_not_in_order_are_refused(rows):
    with pytest.raises(
        ValueError, match="the prices are not in the order of symbol and day, or have a day twice"
    ):
        History(walk(2, 2).iloc[rows])


def test_a_symbol_without_a_price_by_then_is_left_out():
    prices = walk(2, 260)
    late = prices[(prices["symbol"] == "S000") | (prices["date"] > "2020-12-01")]
    assert list(features_at(History(late), date(2020, 12, 1)).index) == ["S000"]


PASSING = {
    **dict.fromkeys(FEATURES, 1.0),
    "above_average": 0.01,
    "average_slope": 0.01,
    "dollar_volume": 5_000_000.0,
    "price": 1.0,
    "age_days": 7.0,
}


@pytest.mark.parametrize(
    ("changed", "screens", "failed"),
    [
        ({}, {}, []),
        ({"dollar_volume": 4_999_999.0}, {}, ["dollar_volume"]),
        ({"dollar_volume": 1.0}, {"min_dollar_volume": 1.0}, []),
        ({"price": 0.99}, {}, ["price"]),
        ({"price": 0.5}, {"min_price": 0.5}, []),
        ({"above_average": 0.0}, {}, ["rising"]),
        ({"average_slope": 0.0}, {}, ["rising"]),
        ({"above_average": -1.0}, {"rising": False}, []),
        ({"return_9": np.nan}, {}, ["complete"]),
        ({"return_9": np.nan}, {"complete": False}, []),
        ({"dollar_volume": np.nan}, {"complete": False}, ["dollar_volume"]),
        ({"age_days": 8.0}, {}, ["recent"]),
        ({"age_days": 30.0}, {"max_age_days": 30}, []),
    ],
)
def test_screens_at_their_borders(changed, screens, failed):
    features = pd.DataFrame([{**PASSING, **changed}], index=["A"])
    checks = Screens(**screens).checks(features).loc["A"]
    assert [name for name, holds in checks.items() if not holds] == failed
    assert len(Screens(**screens).passing(features)) == (not failed)
