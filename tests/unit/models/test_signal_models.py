"""The signal models that are shipped, asked as a host asks them."""

import pickle
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.places import ROOT
from fixtures.projects.market import walk
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from bakeoff.domain.ensemble import combine
from bakeoff.domain.signal import ModelOutput
from bakeoff.evaluation.market.synthetic_market import make_market
from models.fundamentals.company_scores import figures_at, scores_of
from models.model_a import ModelAPlugin
from models.model_b import ModelBPlugin
from models.model_c import ModelCPlugin
from models.momentum.features import FEATURES, features_at
from models.signals.price_history import History
from registry.catalog.models_yaml_schema import read

LAST = date(2026, 6, 30)

Data = dict[str, pd.DataFrame]


def market(**how: Any) -> Data:
    made = make_market(**how)
    prices = made.prices.assign(adj_close=made.prices["close"])
    figures = made.fundamentals.astype({"symbol": "category"}).sort_values(["symbol", "known_on"])
    return {"prices": prices, "fundamentals": figures.reset_index(drop=True)}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a cell; many threads on few rows wait for each other."""
    import lightgbm  # noqa: F401 - what is loaded can be limited

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data() -> Data:
    return market(symbols=40, years=3)


@pytest.fixture(scope="module")
def artefacts(data: Data) -> Mapping[str, Any]:
    """As a registry gives them back."""
    return pickle.loads(pickle.dumps(ModelAPlugin.train(data, LAST, seed=0).models))


def said(outputs: list[ModelOutput]) -> list[tuple[str, str, float, float]]:
    return sorted((one.symbol, one.signal, one.confidence, one.expected_return) for one in outputs)


def test_momentum_answers_for_what_was_asked_and_passes_its_screens(data, artefacts):
    plugin = ModelAPlugin(data, artefacts)
    symbols = list(data["prices"]["symbol"].cat.categories)

    answers = plugin.generate_signals(symbols, LAST)

    passing = plugin._screens.passing(features_at(History(data["prices"]), LAST)).index
    assert 5 < len(passing) < 40
    assert {answer.symbol for answer in answers} == set(passing)
    assert all(0 <= answer.confidence <= 1 for answer in answers)
    assert [answer.rank for answer in answers] == list(range(1, len(passing) + 1))
    assert plugin.generate_signals([symbol for symbol in symbols if symbol not in passing], LAST) == []


@pytest.mark.parametrize("model", [ModelAPlugin, ModelBPlugin])
def test_what_is_said_of_a_symbol_does_not_depend_on_the_others_that_are_asked_for(data, artefacts, model):
    plugin = model(data, artefacts)
    all_of_them = said(plugin.generate_signals(list(data["prices"]["symbol"].cat.categories), LAST))

    one_by_one = [said(plugin.generate_signals([symbol], LAST))[0] for symbol, *_ in all_of_them]

    assert one_by_one == all_of_them
    assert said([plugin.get_signal(all_of_them[0][0], LAST)]) == all_of_them[:1]


@pytest.mark.parametrize("model", [ModelAPlugin, ModelBPlugin])
def test_a_day_in_the_past_is_answered_with_what_was_known_then(data, artefacts, model):
    day = date(2026, 3, 2)
    symbols = list(data["prices"]["symbol"].cat.categories)
    known = {
        "prices": data["prices"][data["prices"]["date"] <= pd.Timestamp(day)],
        "fundamentals": data["fundamentals"][data["fundamentals"]["known_on"] <= pd.Timestamp(day)],
    }
    assert said(model(data, artefacts).generate_signals(symbols, day)) == said(
        model(known, artefacts).generate_signals(symbols, day)
    )


def test_screens_are_parameters(data, artefacts):
    symbols = list(data["prices"]["symbol"].cat.categories)
    loose = ModelAPlugin(data, artefacts, min_dollar_volume=0, rising=False, complete=False)
    strict = ModelAPlugin(data, artefacts, min_price=1e9)
    assert len(loose.generate_signals(symbols, LAST)) == 40
    assert strict.generate_signals(symbols, LAST) == []
    assert strict.get_signal("SYN0001", LAST) is None


def test_models_that_learned_from_other_features_are_refused(data, artefacts):
    import lightgbm

    columns = [*FEATURES[:-1], "moon"]
    other = lightgbm.LGBMRegressor(n_estimators=1, verbose=-1).fit(
        pd.DataFrame(np.random.default_rng(0).random((50, 12)), columns=columns), np.arange(50.0)
    )
    says = (
        r"model_a_regressor was trained on other features than there are now: it does not know "
        r"\['volume_ratio'\], and knows \['moon'\], or their order differs; train it again"
    )
    with pytest.raises(ValueError, match=says):
        ModelAPlugin(data, {**artefacts, "model_a_regressor": other})


def test_momentum_explains_itself_by_gain_and_by_shap_values(data, artefacts):
    symbol = "SYN0003"
    row = features_at(History(data["prices"]), LAST).loc[[symbol], list(FEATURES)]

    told = ModelAPlugin(data, artefacts).explain(symbol)

    assert list(told["feature_importance"]) == list(FEATURES)
    assert sum(told["feature_importance"].values()) == pytest.approx(1)
    log_odds = artefacts["model_a_classifier"].predict(row, raw_score=True)[0]
    assert sum(told["shap_values"].values()) == pytest.approx(log_odds)
    expected = artefacts["model_a_regressor"].predict(row)[0]
    assert sum(told["expected_return"]["shap_values"].values()) == pytest.approx(expected)
    assert told["features"]["return_3"] == row["return_3"].item()
    assert told["as_of"] == "2026-06-30"
    assert told["screens"]["price"] is True


def test_momentum_explains_a_symbol_of_a_short_history_as_json_can_say_it(artefacts):
    told = ModelAPlugin({"prices": walk(1, 100)}, artefacts).explain("S000")
    assert told["features"]["return_12_1"] is None
    assert told["screens"]["complete"] is False


@pytest.mark.parametrize("model", [ModelAPlugin, ModelBPlugin])
def test_an_explanation_of_an_unknown_symbol_is_an_error(data, artefacts, model):
    with pytest.raises(ValueError, match="'MOON'"):
        model(data, artefacts).explain("MOON")


COMPANIES = ("A", "B", "C", "D")


def companies(known_on: str = "2026-01-02", **figures: list[float]) -> Data:
    """Four, of which all have the same figures but for those that are given; the price is 10."""
    days = pd.bdate_range("2025-12-01", "2026-01-30")
    prices = pd.DataFrame(
        [(symbol, day, 10.0, 1e6, 10.0) for symbol in COMPANIES for day in days],
        columns=["symbol", "date", "close", "volume", "adj_close"],
    )
    same = {
        "earnings_per_share": [1.0] * 4,
        "book_value_per_share": [8.0] * 4,
        "return_on_equity": [0.1] * 4,
        "debt_to_equity": [0.5] * 4,
        "revenue_growth": [0.05] * 4,
        "earnings_growth": [0.05] * 4,
    }
    rows = pd.DataFrame({"symbol": COMPANIES, "known_on": pd.Timestamp(known_on), **same, **figures})
    return {
        "prices": prices.astype({"symbol": "category"}),
        "fundamentals": rows.astype({"symbol": "category"}),
    }


def places(data: Data, day: date = date(2026, 1, 30)) -> pd.DataFrame:
    return scores_of(figures_at(History(data["prices"]), data["fundamentals"], day, 400))


@pytest.mark.parametrize(
    ("figure", "values", "part"),
    [
        ("earnings_per_share", [4, 3, 2, 1], "value"),
        ("book_value_per_share", [4, 3, 2, 1], "value"),
        ("return_on_equity", [4, 3, 2, 1], "quality"),
        ("debt_to_equity", [1, 2, 3, 4], "quality"),
        ("revenue_growth", [4, 3, 2, 1], "growth"),
        ("earnings_growth", [4, 3, 2, 1], "growth"),
    ],
)
def test_each_figure_moves_its_part_and_no_other(figure, values, part):
    scores = places(companies(**{figure: values}))
    assert scores[part].tolist() == [0.6875, 0.5625, 0.4375, 0.3125]
    others = [name for name in ("value", "quality", "growth") if name != part]
    assert (scores[others] == 0.5).all(axis=None)
    assert scores["score"].tolist() == [0.875, 0.625, 0.375, 0.125]


def test_fundamentals_make_a_signal_of_the_place_among_all():
    data = companies(earnings_per_share=[4, 3, 2, 1])
    answers = ModelBPlugin(data, {}).generate_signals(["D", "A", "B"], date(2026, 1, 30))
    assert [(one.symbol, one.signal, one.confidence, one.rank) for one in answers] == [
        ("A", "BUY", 0.875, 1),
        ("B", "BUY", 0.625, 2),
        ("D", "STRONG_SELL", 0.125, 3),
    ]
    assert [one.expected_return for one in answers] == pytest.approx([0.045, 0.015, -0.045])
    wide = ModelBPlugin(data, {}, spread=0.4).get_signal("A", date(2026, 1, 30))
    assert (wide.signal, wide.expected_return) == ("STRONG_BUY", pytest.approx(0.15))


def test_the_last_figures_that_were_known_by_the_day_count():
    earlier, later = companies(earnings_per_share=[4, 3, 2, 1]), companies("2026-01-20")
    plugin = ModelBPlugin(
        {**earlier, "fundamentals": pd.concat([later["fundamentals"], earlier["fundamentals"]])}, {}
    )

    def confidences(day: date) -> list[float]:
        return [answer.confidence for answer in plugin.generate_signals(COMPANIES, day)]

    assert confidences(date(2026, 1, 19)) == [0.875, 0.625, 0.375, 0.125]
    assert confidences(date(2026, 1, 20)) == [0.5] * 4


@pytest.mark.parametrize(
    ("known_on", "day", "number"),
    [
        ("2026-01-02", date(2026, 1, 1), 0),
        ("2026-01-02", date(2026, 1, 2), 4),
        ("2026-01-02", date(2026, 2, 6), 4),
        ("2026-01-02", date(2026, 2, 7), 0),
        ("2024-12-26", date(2026, 1, 30), 0),
    ],
    ids=["not known yet", "known", "prices a week old", "prices older than that", "figures too old"],
)
def test_no_score_without_recent_figures_and_prices(known_on, day, number):
    data = companies(known_on)
    assert len(places(data, day)) == number


def test_figures_older_than_max_age_days_give_no_opinion():
    old = companies("2025-12-01")
    assert len(ModelBPlugin(old, {}, max_age_days=60).generate_signals(COMPANIES, date(2026, 1, 30))) == 4
    assert ModelBPlugin(old, {}, max_age_days=59).generate_signals(COMPANIES, date(2026, 1, 30)) == ()


def test_a_company_of_which_one_part_is_not_known_has_no_score_and_the_others_do():
    nan = np.nan
    half = places(companies(revenue_growth=[nan, 1, 2, 3]))
    none = places(companies(revenue_growth=[nan, 1, 2, 3], earnings_growth=[nan, 1, 2, 3]))
    assert list(half.index) == ["A", "B", "C", "D"]
    assert list(none.index) == ["B", "C", "D"]


def test_value_goes_by_the_latest_price():
    data = companies()
    prices = data["prices"].copy()
    prices.loc[(prices["symbol"] == "D") & (prices["date"] > "2026-01-15"), ["close", "adj_close"]] = 20.0
    scores = places({**data, "prices": prices})
    assert scores["value"].tolist() == [0.625, 0.625, 0.625, 0.125]


def test_a_split_since_the_figures_were_known_changes_no_score():
    data = companies(earnings_per_share=[4, 3, 2, 1])
    prices = data["prices"].copy()
    before = (prices["symbol"] == "D") & (prices["date"] < "2026-01-15")
    prices.loc[before, "close"] = 40.0
    prices.loc[prices["symbol"] == "D", "adj_close"] = 10.0
    figures = data["fundamentals"].copy()
    figures.loc[figures["symbol"] == "D", ["earnings_per_share", "book_value_per_share"]] *= 4
    pd.testing.assert_frame_equal(places({"prices": prices, "fundamentals": figures}), places(data))


def test_fundamentals_find_what_was_planted_and_nothing_once_returns_are_shuffled():
    def mean_rank_correlation(*, shuffled: bool) -> float:
        data = market(symbols=150, years=5, shuffled=shuffled)
        history = History(data["prices"])
        found = []
        for month in pd.date_range("2023-01-15", "2026-05-15", freq="90D"):
            scores = places(data, month.date())["score"]
            rows = np.searchsorted(history.symbols, scores.index)
            now = history.stops_at(month.date())[rows] - 1
            later = np.minimum(now + 21, history.stops[rows] - 1)
            found.append(spearmanr(scores, history.adjusted[later] / history.adjusted[now]).statistic)
        return float(np.mean(found))

    assert mean_rank_correlation(shuffled=False) > 0.08
    assert abs(mean_rank_correlation(shuffled=True)) < 0.05


def test_fundamentals_explain_the_places_of_a_company():
    told = ModelBPlugin(companies(earnings_per_share=[4, 3, 2, 1]), {}).explain("A")
    assert told["places"] == {"value": 0.6875, "quality": 0.5, "growth": 0.5, "score": 0.875}
    assert told["as_of"] == "2026-01-30"


def test_fundamentals_say_what_they_lack():
    data = companies()
    with pytest.raises(ValueError, match="model_b needs fundamentals: say in `market` where they are"):
        ModelBPlugin({"prices": data["prices"]}, {})
    lacking = {**data, "fundamentals": data["fundamentals"].drop(columns=["debt_to_equity"])}
    with pytest.raises(
        ValueError, match="the fundamentals have no debt_to_equity: model_b needs earnings_per"
    ):
        ModelBPlugin(lacking, {})


def test_sentiment_says_that_no_market_data_have_what_it_needs(data):
    with pytest.raises(ValueError, match="model_c needs a frame `sentiment`"):
        ModelCPlugin(data, {})


def test_sentiment_goes_by_the_mean_of_what_was_said_of_late():
    rows = [
        ("A", "2026-01-01", -1.0),
        ("A", "2026-02-01", 0.5),
        ("A", "2026-02-02", 1.0),
        ("A", "2026-02-20", -1.0),
        ("B", "2026-01-20", -0.5),
    ]
    said_of = pd.DataFrame(
        rows,
        columns=["symbol", "known_on", "score"],
    ).astype({"known_on": "datetime64[us]"})
    plugin = ModelCPlugin({"sentiment": said_of}, {})

    answers = plugin.generate_signals(["A", "B", "C"], date(2026, 2, 10))

    assert [(one.symbol, one.signal, one.confidence) for one in answers] == [
        ("A", "BUY", 0.875),
        ("B", "STRONG_SELL", 0.25),
    ]
    assert answers[0].expected_return == pytest.approx(0.045)
    assert plugin.explain("A")["mean_score"] == pytest.approx(1 / 6)


def test_in_a_falling_market_the_shipped_ensemble_sells():
    made = make_market(symbols=40, years=3)
    day = made.prices.groupby("symbol", observed=True).cumcount().to_numpy()
    falling = made.prices.assign(close=made.prices["close"] * np.exp(-0.0015 * day))
    figures = made.fundamentals.astype({"symbol": "category"}).sort_values(["symbol", "known_on"])
    data = {"prices": falling.assign(adj_close=falling["close"]), "fundamentals": figures}
    shipped = read(ROOT / "config" / "models.yaml")
    entries = {one.id: one for one in shipped.candidates}
    learned = ModelAPlugin.train(data, LAST, seed=0, **entries["model_a"].params).models
    symbols = list(falling["symbol"].cat.categories)

    signals = combine(
        {
            "model_a": ModelAPlugin(data, learned, **entries["model_a"].params).generate_signals(
                symbols, LAST
            ),
            "model_b": ModelBPlugin(data, {}, **entries["model_b"].params).generate_signals(symbols, LAST),
        },
        as_of=LAST,
        weights={"model_a": entries["model_a"].weight, "model_b": entries["model_b"].weight},
        rules=shipped.ensemble,
    )

    found = [one.signal for one in signals]
    assert len(found) > 20
    assert sum(signal in {"SELL", "STRONG_SELL"} for signal in found) > len(found) / 4
    assert sum(signal in {"BUY", "STRONG_BUY"} for signal in found) < len(found) / 8
