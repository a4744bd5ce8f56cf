"""The market as a snapshot: whatever source it came from, and whoever is killed meanwhile."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.places import ROOT
from fixtures.projects.market import MarketPlace, closes_of, rows_of, walk
from sqlalchemy import create_engine

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.datasets import read_snapshot, snapshot_store
from bakeoff.evaluation.datasets.snapshot_layout import OPEN
from bakeoff.evaluation.market.market_snapshot import open_market
from bakeoff.evaluation.market.synthetic_market import make_market
from bakeoff.settings.market_settings import MarketSettings

TEXT = "symbol,date,close,volume\nA,2026-01-02,1.5,10\nA,2026-01-05,1.25,20\nB,2026-01-05,9,30\n"
FIGURES = "symbol,known_on,eps\nA,2026-01-02,0.5\n"


@pytest.fixture
def place(tmp_path: Path) -> MarketPlace:
    return MarketPlace(tmp_path)


def frame(text: str = TEXT) -> pd.DataFrame:
    rows = [line.split(",") for line in text.splitlines()[1:]]
    symbols, days, closes, volumes = zip(*rows, strict=True)
    return pd.DataFrame(
        {"symbol": symbols, "date": days, "close": map(float, closes), "volume": map(int, volumes)}
    )


def test_what_is_pinned_is_known_by_what_it_is_and_where_it_came_from(place):
    pinned = place.csv(TEXT, figures=FIGURES)

    assert pinned.ref.target_kind is TargetKind.SIGNALS
    assert (pinned.ref.name, pinned.ref.train_rows, pinned.ref.test_rows) == ("market", 3, 2)
    assert pinned.ref.files == (str(place.root / "prices.csv"), str(place.root / "figures.csv"))
    assert pinned.folder == place.snapshots / pinned.ref.dataset_id / pinned.ref.split_id
    assert read_snapshot.dataset_ref(pinned.folder).dataset_id == pinned.ref.dataset_id
    assert (pinned.as_of, pinned.symbols) == (date(2026, 1, 5), ("A", "B"))


def test_the_same_content_is_the_same_snapshot_whatever_source_it_came_from(place):
    folder = place.csv(TEXT).folder
    engine = create_engine(f"sqlite:///{place.root}/market.db")
    frame().to_sql("prices", engine, index=False)
    engine.dispose()
    (place.root / "own_prices.py").write_text(
        f"import pandas as pd, io\ndef prices():\n    return pd.read_csv(io.StringIO({TEXT!r}))\n"
    )
    sql = {"source": "sql", "url": "sqlite:///market.db", "query": "SELECT * FROM prices"}

    assert place.csv(TEXT).folder == folder
    assert place.csv("\n".join(sorted(TEXT.splitlines(), reverse=True))).folder == folder
    assert place.parquet(frame()).folder == folder
    assert place.parquet(frame().astype({"symbol": "category", "date": "datetime64[ns]"})).folder == folder
    assert place.parquet(frame().astype({"close": "float32", "volume": "float32"})).folder == folder
    assert place.pin({"prices": sql}).folder == folder
    assert place.pin({"prices": {"source": "callable", "name": "own_prices:prices"}}).folder == folder
    assert snapshot_store.snapshots_in(place.snapshots) == [folder]


@pytest.mark.parametrize(
    "changed",
    [
        TEXT.replace("1.25", "1.26"),
        TEXT.replace("B,", "C,"),
        TEXT.replace("01-02", "01-03"),
        TEXT + "B,2026-01-06,9,30\n",
        TEXT.replace("volume", "volume,open").replace("0\n", "0,1\n"),
    ],
    ids=["price", "symbol", "day", "row", "column"],
)
def test_other_content_is_another_snapshot(place, changed):
    assert place.csv(TEXT).folder != place.csv(changed).folder


def test_figures_are_part_of_the_address(place):
    changed = TEXT.replace("1.25", "1.26")
    folders = {
        place.csv(TEXT).folder,
        place.csv(TEXT, figures=FIGURES).folder,
        place.csv(TEXT, figures=FIGURES.replace("0.5", "0.6")).folder,
        place.csv(changed, figures=FIGURES).folder,
    }
    assert len(folders) == 4


def test_days_without_trade_are_the_same_snapshot(place):
    folders = {place.csv(TEXT, as_of=day).folder for day in (None, date(2026, 1, 5), date(2026, 1, 7))}
    assert len(folders) == 1
    assert place.csv(TEXT, as_of=date(2026, 1, 7)).as_of == date(2026, 1, 7)
    assert place.csv(TEXT, as_of=date(2026, 1, 2)).folder not in folders


def test_a_snapshot_is_held_and_taken_away_like_any_other(place):
    pinned = place.csv(TEXT)
    address = (pinned.ref.dataset_id, pinned.ref.split_id)
    old = time.time() - 7200

    with snapshot_store.held(pinned.folder):
        pass
    os.utime(pinned.folder, (old, old))
    assert snapshot_store.unused(place.snapshots, lambda: {address}) == []
    assert snapshot_store.unused(place.snapshots, set) == [pinned.folder]


def test_what_a_model_changes_in_its_frame_stays_with_it(place):
    pinned = place.csv(TEXT)
    mine = open_market(pinned.folder)["prices"]
    mine.loc[:, "close"] = 0.0
    assert closes_of(pinned)[0] == ("A", "2026-01-02", 1.5)


def test_the_adjusted_close_is_the_close_where_nothing_else_is_known(place):
    prices = open_market(place.csv(TEXT).folder)["prices"]
    assert prices["adj_close"].tolist() == [1.5, 1.25, 9.0]
    assert str(prices["symbol"].dtype) == "category"


def test_a_damaged_snapshot_is_told_and_pinned_anew(place):
    pinned = place.csv(TEXT)
    file = pinned.folder / OPEN / "prices.float64.npy"
    file.unlink()

    with pytest.raises(
        InfrastructureError, match=r"is damaged .*: start the run again, it will be pinned anew"
    ):
        open_market(pinned.folder)
    assert closes_of(place.csv(TEXT)) == [
        ("A", "2026-01-02", 1.5),
        ("A", "2026-01-05", 1.25),
        ("B", "2026-01-05", 9.0),
    ]


def test_producers_that_pin_the_same_at_once_all_succeed(place):
    walk(50, 300).to_parquet(place.root / "prices.parquet")
    table = {"prices": {"source": "parquet", "path": "prices.parquet"}}
    with ThreadPoolExecutor(4) as threads:
        pinned = list(threads.map(lambda _: place.pin(table), range(4)))
    assert snapshot_store.snapshots_in(place.snapshots) == [pinned[0].folder]


PIN_FOR_EVER = """
import sys
from datetime import date, timedelta
from pathlib import Path
from bakeoff.settings.market_settings import MarketSettings
from bakeoff.evaluation.market.market_pinning import pin_market
root = Path(sys.argv[1])
market = MarketSettings.model_validate({"prices": {"source": "parquet", "path": "prices.parquet"}})
for days in range(500):
    as_of = date(2020, 1, 2) + timedelta(days=days)
    pin_market(market, root=root, snapshots=root / "snapshots", as_of=as_of)
"""


def test_a_producer_killed_at_any_moment_leaves_only_whole_snapshots(place):
    walk(40, 300).to_parquet(place.root / "prices.parquet")
    producer = subprocess.Popen([sys.executable, "-c", PIN_FOR_EVER, str(place.root)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(snapshot_store.snapshots_in(place.snapshots)) < 5 and time.monotonic() < deadline:
        assert producer.poll() is None
        time.sleep(0.005)
    producer.kill()
    producer.wait()

    whole = snapshot_store.snapshots_in(place.snapshots)
    assert len(whole) >= 5
    for folder in whole:
        prices = open_market(folder)["prices"]
        assert len(prices) == 40 * prices["date"].nunique()


def test_a_made_up_market_says_so(place):
    synthetic = {"source": "synthetic"}
    pinned = place.pin({"prices": synthetic, "fundamentals": synthetic})
    assert pinned.warnings == (
        "the market is synthetic: made up, with patterns that models can find; no real one is like it",
    )
    assert len(pinned.symbols) == 200
    assert rows_of(pinned, "fundamentals")[0][0] == "SYN0001"


def test_a_made_up_market_is_the_same_each_time_and_another_with_another_seed():
    one, again, other = (
        make_market(symbols=5, years=1),
        make_market(symbols=5, years=1),
        make_market(symbols=5, years=1, seed=1),
    )
    pd.testing.assert_frame_equal(one.prices, again.prices)
    pd.testing.assert_frame_equal(one.fundamentals, again.fundamentals)
    assert not np.array_equal(one.prices["close"], other.prices["close"])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"source": "csv"}, "a table of source csv needs path"),
        ({"source": "sql", "url": "sqlite:///a.db"}, "a table of source sql needs query"),
        ({"source": "callable"}, "a table of source callable needs name"),
        (
            {"source": "csv", "path": "a.csv", "columns": {"symbol": "a", "date": "a"}},
            "columns names one column twice",
        ),
    ],
)
def test_settings_say_what_a_table_lacks(table, says):
    with pytest.raises(ValueError, match=says):
        MarketSettings.model_validate({"prices": table})
