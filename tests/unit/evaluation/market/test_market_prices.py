"""What is odd about prices, and what becomes of it."""

import datetime as dt
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.projects.market import MarketPlace, closes_of, rows_of
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.market.market_snapshot import open_market
from bakeoff.evaluation.market.table_by_symbol_and_day import Panel

HEADER = "symbol,date,close,volume\n"


@pytest.fixture
def place(tmp_path: Path) -> MarketPlace:
    return MarketPlace(tmp_path)


def test_prices_are_in_the_order_of_symbol_and_day_whatever_order_they_came_in(place):
    pinned = place.csv(HEADER + "B,2026-01-05,3,9\nA,2026-01-06,1.5,9\nB,2026-01-02,4,9\nA,2026-01-02,1,9\n")

    assert closes_of(pinned) == [
        ("A", "2026-01-02", 1.0),
        ("A", "2026-01-06", 1.5),
        ("B", "2026-01-02", 4.0),
        ("B", "2026-01-05", 3.0),
    ]
    assert pinned.symbols == ("A", "B")
    assert pinned.warnings == ()


def test_many_prices_by_day_are_put_in_the_order_of_symbol_and_day(place):
    random = np.random.default_rng(0)
    days = pd.date_range("2000-01-01", periods=300)
    names = [f"S{n}" for n in random.permutation(300)]
    frame = pd.DataFrame([(s, d) for d in days for s in names], columns=["symbol", "date"])
    frame = frame.assign(close=random.uniform(1, 1.1, len(frame)), volume=1.0)
    expected = frame.sort_values(["symbol", "date"], ignore_index=True)

    opened = open_market(place.parquet(frame).folder)["prices"]

    assert opened["symbol"].astype("str").tolist() == expected["symbol"].tolist()
    assert opened["close"].tolist() == expected["close"].tolist()


def test_a_day_without_a_row_is_no_row(place):
    pinned = place.csv(HEADER + "A,2026-01-02,1,9\nA,2026-01-30,2,9\n")
    assert [day for _, day, _ in closes_of(pinned)] == ["2026-01-02", "2026-01-30"]


@pytest.mark.parametrize("missing", ["symbol", "date", "close", "volume"])
def test_a_column_that_is_missing_is_named_with_those_that_there_are(place, missing):
    header = HEADER.replace(missing, f"{missing}s")
    says = rf"prices: there is no column '{missing}'; did you mean '{missing}s'\?; the columns are 'sym"
    with pytest.raises(InvalidInputError, match=says):
        place.csv(header + "A,2026-01-02,1,9\n")


def test_columns_may_have_other_names_there(place):
    pinned = place.csv(
        "ticker,day,close,adjusted,volume\nA,2026-01-02,7,1,9\n",
        columns={"symbol": "ticker", "date": "day", "close": "adjusted"},
    )
    assert closes_of(pinned) == [("A", "2026-01-02", 1.0)]


def test_a_column_that_the_settings_name_and_that_is_not_there_is_named(place):
    says = "prices: there is no column 'tiker', which `columns` names for symbol; did you mean 'ticker'"
    with pytest.raises(InvalidInputError, match=says):
        place.csv("ticker,date,close,volume\nA,2026-01-02,7,9\n", columns={"symbol": "tiker"})


def test_other_columns_are_left_out_but_for_open_high_and_low(place):
    pinned = place.csv("symbol,low,note,date,open,close,volume\nA,1,x,2026-01-02,,3,9\n")
    assert list(open_market(pinned.folder)["prices"]) == [
        "symbol",
        "date",
        "close",
        "low",
        "open",
        "volume",
        "adj_close",
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("A,soon,1,9", "prices: column 'date' cannot be read as datetime: row 2 is 'soon'"),
        ("A,,1,9", "prices: column 'date' is missing in row 2: fill it in"),
        ("A,2026-01-03,dear,9", "prices: column 'close' cannot be read as float64: row 2 is 'dear'"),
        (
            ",2026-01-03,1,9",
            "prices: column 'symbol' is missing in 1 row: fill it in; in CSV, words such as NA",
        ),
        (
            " A,2026-01-03,1,9",
            "prices: ' A' is no symbol: it has 1 to 32 characters, without space around them",
        ),
        (f"{'A' * 33},2026-01-03,1,9", f"prices: '{'A' * 33}' is no symbol: it has 1 to 32 characters"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(place, row, says):
    with pytest.raises(InvalidInputError, match=says):
        place.csv(f"{HEADER}A,2026-01-02,1,9\n{row}\n")


def test_symbols_that_look_like_numbers_stay_as_they_are_written(place):
    assert place.csv(HEADER + "0700,2026-01-02,1,9\n").symbols == ("0700",)


def test_symbols_that_are_numbers_are_refused(place):
    frame = pd.DataFrame({"symbol": [700], "date": ["2026-01-02"], "close": [1.0], "volume": [1.0]})
    with pytest.raises(InvalidInputError, match="column 'symbol' holds int64, not text: turn it into text"):
        place.parquet(frame)


def test_a_day_that_is_a_number_is_refused(place):
    frame = pd.DataFrame({"symbol": ["A"], "date": [20260102], "close": [1.0], "volume": [1.0]})
    with pytest.raises(
        InvalidInputError, match="column 'date' holds numbers, expected days such as 2026-01-31"
    ):
        place.parquet(frame)


@pytest.mark.parametrize(
    "days",
    [
        [dt.date(2026, 1, 2)],
        ["2026-01-02"],
        [pd.Timestamp("2026-01-02 16:00")],
        [pd.Timestamp("2026-01-02", tz="Asia/Tokyo")],
        [pd.Timestamp("2026-01-02 23:59", tz="America/New_York")],
    ],
    ids=["date", "text", "with a time", "east", "west"],
)
def test_a_day_is_the_one_that_is_written_whatever_the_time_zone(place, days):
    frame = pd.DataFrame({"symbol": ["A"], "date": days, "close": [1.0], "volume": [1.0]})
    assert closes_of(place.parquet(frame)) == [("A", "2026-01-02", 1.0)]


def test_a_row_that_is_said_twice_counts_once_and_is_told(place):
    pinned = place.csv(HEADER + "A,2026-01-02,1,9\nB,2026-01-02,5,9\nA,2026-01-02,1,9\nA,2026-01-02,1,9\n")

    assert closes_of(pinned) == [("A", "2026-01-02", 1.0), ("B", "2026-01-02", 5.0)]
    assert pinned.warnings == ("prices: 2 rows given twice, counted once: A on 2026-01-02, A on 2026-01-02",)


@pytest.mark.parametrize("other", ["2,9", "1,8"], ids=["price", "volume"])
def test_rows_of_one_symbol_and_day_that_contradict_each_other_are_an_error_that_names_them(place, other):
    says = "prices: rows of the same symbol and day contradict each other: B on 2026-01-02; keep one"
    with pytest.raises(InvalidInputError, match=says):
        place.csv(f"{HEADER}A,2026-01-02,1,9\nB,2026-01-02,1,9\nB,2026-01-02,{other}\n")


@pytest.mark.parametrize("price", ["", "0", "-3", "inf"])
def test_a_row_without_a_price_above_0_is_left_out_and_told(place, price):
    pinned = place.csv(f"{HEADER}A,2026-01-02,1,9\nA,2026-01-05,{price},9\n")

    assert closes_of(pinned) == [("A", "2026-01-02", 1.0)]
    assert pinned.warnings == ("prices: 1 row left out, without a price above 0: A on 2026-01-05",)


def test_a_day_without_volume_counts_with_a_dollar_volume_of_0(place):
    pinned = place.csv(HEADER + "A,2026-01-02,1,0\n")
    assert rows_of(pinned) == [("A", "2026-01-02", 1.0, 0.0, 1.0)]
    assert pinned.warnings == ()


@pytest.mark.parametrize("volume", ["", "-5"])
def test_a_volume_that_is_not_known_counts_as_0_and_is_told(place, volume):
    pinned = place.csv(f"{HEADER}A,2026-01-02,1,{volume}\n")
    assert rows_of(pinned) == [("A", "2026-01-02", 1.0, 0.0, 1.0)]
    assert pinned.warnings == ("prices: 1 row without a volume, taken as not traded: A on 2026-01-02",)


def test_what_is_later_than_as_of_is_not_looked_at(place):
    early = HEADER + "A,2026-01-02,1,9\n"
    later = (
        "A,2026-01-03,5,9\nA,2026-01-03,6,9\nB,2026-01-03,-1,9\n"  # it contradicts itself, and is negative
    )

    pinned = place.csv(early + later, as_of=date(2026, 1, 2))

    assert closes_of(pinned) == [("A", "2026-01-02", 1.0)]
    assert pinned.symbols == ("A",)
    assert pinned.warnings == ()
    assert pinned.folder == place.csv(early).folder


def test_without_a_date_the_last_day_counts(place):
    assert place.csv(HEADER + "A,2026-01-02,1,9\nB,2026-01-05,1,9\n").as_of == date(2026, 1, 5)


def test_a_date_before_the_first_price_is_an_error(place):
    with pytest.raises(
        InvalidInputError, match="prices: there is no price up to 2020-01-01: name a later day"
    ):
        place.csv(HEADER + "A,2026-01-02,1,9\n", as_of=date(2020, 1, 1))


def test_prices_that_ended_a_week_before_the_date_are_told(place):
    text = HEADER + "A,2026-01-02,1,9\n"
    assert place.csv(text, as_of=date(2026, 1, 9)).warnings == ()
    assert place.csv(text, as_of=date(2026, 1, 10)).warnings == (
        "prices: the last ones are of 2026-01-02, 8 days before 2026-01-10",
    )


SPLIT = "symbol,date,close,volume,{}\nA,2026-01-02,100,9,{}\nA,2026-01-05,26,9,{}\nA,2026-01-06,27,9,{}\n"


def adjusted(place: MarketPlace, *cells: str) -> list[float]:
    return list(open_market(place.csv(SPLIT.format(*cells)).folder)["prices"]["adj_close"])


@pytest.mark.parametrize("none", ["1", "0", ""])
def test_a_split_factor_makes_the_prices_before_it_comparable(place, none):
    assert adjusted(place, "split_factor", none, "4", none) == [25.0, 26.0, 27.0]


def test_an_adjusted_close_is_taken_at_its_word(place):
    assert adjusted(place, "adj_close", "24.5", "26", "27") == [24.5, 26.0, 27.0]


def test_a_split_of_one_symbol_leaves_the_others_alone_and_two_splits_multiply(place):
    pinned = place.csv(
        "symbol,date,close,volume,split_factor\n"
        "A,2026-01-02,60,9,2\nA,2026-01-05,30,9,2\nA,2026-01-06,10,9,3\nB,2026-01-02,7,9,5\n"
    )
    assert list(open_market(pinned.folder)["prices"]["adj_close"]) == [10.0, 10.0, 10.0, 7.0]


def test_a_negative_split_factor_is_an_error(place):
    with pytest.raises(
        InvalidInputError, match="prices: split_factor is -4: A on 2026-01-05; it says what one"
    ):
        adjusted(place, "split_factor", "1", "-4", "1")


@pytest.mark.parametrize("close", ["50", "200", "34", "10.1", "5"])
def test_a_jump_that_looks_like_a_split_is_told(place, close):
    pinned = place.csv(f"{HEADER}A,2026-01-02,100,9\nA,2026-01-05,{close},9\n")
    (said,) = pinned.warnings
    assert said.startswith(
        "prices: the price jumps as at a split: A on 2026-01-05; if it was one, give split_f"
    )


@pytest.mark.parametrize(
    "rows",
    ["A,2026-01-02,100,9\nA,2026-01-05,60,9\n", "A,2026-01-02,100,9\nB,2026-01-05,50,9\n"],
    ids=["a fall", "another symbol"],
)
def test_other_jumps_are_not_told(place, rows):
    assert place.csv(HEADER + rows).warnings == ()


def test_a_symbol_that_is_not_there_is_refused_with_the_nearest(place):
    pinned = place.csv(HEADER + "AAPL,2026-01-02,1,9\nMSFT,2026-01-02,1,9\n")

    assert pinned.chosen(None) == ("AAPL", "MSFT")
    assert pinned.chosen(["MSFT", "MSFT"]) == ("MSFT",)
    says = "there are no prices of 'APPL' by 2026-01-02; did you mean 'AAPL'"
    with pytest.raises(InvalidInputError, match=says):
        pinned.chosen(["MSFT", "APPL"])


def test_figures_count_when_they_were_known(place):
    pinned = place.csv(
        HEADER + "A,2026-01-05,1,9\n",
        figures="symbol,known_on,eps,note\nA,2026-01-06,9,x\nA,2026-01-05,2,x\nA,2025-10-01,1,x\n",
    )
    assert rows_of(pinned, "fundamentals") == [("A", "2025-10-01", 1.0), ("A", "2026-01-05", 2.0)]


def test_figures_need_a_symbol_and_the_day_on_which_they_were_known(place):
    with pytest.raises(InvalidInputError, match="fundamentals: there is no column 'known_on'"):
        place.csv(HEADER + "A,2026-01-05,1,9\n", figures="symbol,date,eps\nA,2026-01-01,1\n")


def test_figures_that_contradict_each_other_are_an_error(place):
    says = "fundamentals: rows of the same symbol and day contradict each other: A on 2026-01-01"
    with pytest.raises(InvalidInputError, match=says):
        place.csv(
            HEADER + "A,2026-01-05,1,9\n",
            figures="symbol,known_on,eps\nA,2026-01-01,1\nA,2026-01-01,2\n",
        )


@pytest.mark.parametrize("text", [HEADER, ""], ids=["no row", "nothing"])
def test_prices_without_a_row_are_an_error(place, text):
    with pytest.raises(InvalidInputError, match=r"prices: (there is no price: name a later day|.* is empty)"):
        place.csv(text)


def test_without_figures_known_by_then_the_table_is_there_and_empty(place):
    pinned = place.csv(HEADER + "A,2026-01-05,1,9\n", figures="symbol,known_on,eps\nA,2026-02-01,1\n")
    figures = open_market(pinned.folder)["fundamentals"]
    assert (list(figures), len(figures)) == (["symbol", "known_on", "eps"], 0)


def test_figures_are_numbers_also_as_the_decimals_of_a_database(place):
    (place.root / "figures_of_a_database.py").write_text(
        "from decimal import Decimal\nimport pandas as pd\n"
        "def figures():\n"
        "    return pd.DataFrame({'symbol': ['A', 'B'], 'known_on': ['2026-01-01'] * 2,\n"
        "        'note': ['x', None], 'eps': [Decimal('1.50'), None],\n"
        "        'growth': pd.Series([None, None], dtype=object)})\n"
    )
    (place.root / "prices.csv").write_text(HEADER + "A,2026-01-05,1,9\n")
    figures = {"source": "callable", "name": "figures_of_a_database:figures"}
    pinned = place.pin({"prices": {"source": "csv", "path": "prices.csv"}, "fundamentals": figures})

    found = open_market(pinned.folder)["fundamentals"]

    assert list(found) == ["symbol", "known_on", "eps", "growth"]
    assert found["eps"].tolist()[0] == 1.5
    assert found[["eps", "growth"]].isna().sum().tolist() == [1, 2]


@given(rows=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 9)), min_size=1, max_size=30))
def test_order_and_doubles_are_those_of_a_slow_and_obvious_reference(rows):
    symbols, days = zip(*rows, strict=True)
    panel = Panel(
        symbols=np.array(list("ABCDE"), dtype=object),
        codes=np.array(["ABCDE".index(symbol) for symbol in symbols], dtype="int32"),
        days=np.datetime64("2026-01-01") + np.array(days, dtype="m8[D]"),
        day="date",
        values={"close": np.array([np.nan if day == 5 else float(day) for day in days])},
    )

    found, warnings = panel.ordered().without_doubles()

    told = [found.named(np.array([row])) for row in range(len(found))]
    assert told == [f"{symbol} on 2026-01-{day + 1:02}" for symbol, day in sorted(set(rows))]
    assert bool(warnings) == (len(set(rows)) < len(rows))
