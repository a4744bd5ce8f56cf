# ruff: noqa: T201 - a script that prints, no part of a package
"""How long signals take for many symbols with years of prices, beside a loop of pandas over the symbols.

    python -m benchmarks.parts.many_symbols [symbols] [years] [times] [--json FILE]

Both sides read the same Parquet file and ask the same trained models, with one thread for the trees, each in
a process of its own that has loaded its libraries, in turns. The market is made up, and there already.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from time import perf_counter
from typing import Any

_LAST = date(2026, 6, 30)
_PRICES, _FIGURES, _MODELS = "prices.parquet", "figures.parquet", "models.pickle"
_WEIGHTS = {"model_a": 0.6, "model_b": 0.4}

Seconds = dict[str, float]


def main(symbols: int, years: int, times: int, report: Path | None) -> None:
    with TemporaryDirectory() as folder:
        _prepare(Path(folder), symbols, years)
        turns: dict[str, list[Seconds]] = {side: [] for side in _SIDES}
        for _ in range(times):
            for side, told in turns.items():
                told.append(_in_a_process(side, folder))
        found = {side: _medians(told) for side, told in turns.items()}
        found["bakeoff"] |= _in_a_process(_TRAINING, folder)
    _show(found, symbols, years)
    if report is not None:
        report.write_text(json.dumps({"symbols": symbols, "years": years, "times": times, **found}, indent=1))


def _prepare(folder: Path, symbols: int, years: int) -> None:
    from bakeoff.evaluation.market.synthetic_market import make_market
    from models.model_a import ModelAPlugin

    market = make_market(symbols=symbols, years=years)
    market.prices.astype({"symbol": "str"}).to_parquet(folder / _PRICES)
    market.fundamentals.to_parquet(folder / _FIGURES)
    few = make_market(symbols=100, years=4).prices
    trained = ModelAPlugin.train({"prices": few.assign(adj_close=few["close"])}, _LAST, seed=0)
    (folder / _MODELS).write_bytes(pickle.dumps(dict(trained.models)))


def _in_a_process(side: str, folder: str) -> Seconds:
    command = [sys.executable, "-m", "benchmarks.parts.many_symbols", "--side", side, "--folder", folder]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    told: Seconds = json.loads(done.stdout)
    return told


def _medians(told: Sequence[Seconds]) -> Seconds:
    return {step: median(one[step] for one in told) for step in told[0]}


def _show(found: Mapping[str, Seconds], symbols: int, years: int) -> None:
    ours, loop = found["bakeoff"], found["loop"]
    print(f"{f'{symbols:,} symbols, {years} years':40}{'bakeoff':>10}{'loop':>10}{'ratio':>8}")
    for step, seconds in ours.items():
        other = f"{loop[step]:10.2f}{loop[step] / seconds:8.1f}" if step in loop else ""
        print(f"{step:40}{seconds:10.2f}{other}")


@contextmanager
def _timed(told: Seconds, step: str) -> Iterator[None]:
    began = perf_counter()
    yield
    told[step] = perf_counter() - began


def _bakeoff(folder: Path, told: Seconds) -> None:
    """As the producer and the cells do it."""
    from bakeoff.domain.ensemble import combine
    from bakeoff.domain.signal import EnsembleRules
    from bakeoff.evaluation.market.market_snapshot import open_market
    from models.model_a import ModelAPlugin
    from models.model_b import ModelBPlugin

    artefacts = _artefacts(folder)
    with _timed(told, "read"):
        pinned = _pinned(folder)
    with _timed(told, "opened"):
        data = open_market(pinned.folder)
    with _timed(told, "features and model_a"):
        momentum = ModelAPlugin(data, artefacts).generate_signals(pinned.symbols, _LAST)
    with _timed(told, "model_b"):
        worth = ModelBPlugin(data, {}).generate_signals(pinned.symbols, _LAST)
    with _timed(told, "ensemble"):
        answers = {"model_a": momentum, "model_b": worth}
        assert combine(answers, as_of=_LAST, weights=_WEIGHTS, rules=EnsembleRules())  # noqa: S101


def _training(folder: Path, told: Seconds) -> None:
    from bakeoff.evaluation.market.market_snapshot import open_market
    from models.model_a import ModelAPlugin

    data = open_market(_pinned(folder).folder)
    with _timed(told, "training model_a"):
        ModelAPlugin.train(data, _LAST, seed=0)


def _pinned(folder: Path) -> Any:
    from bakeoff.evaluation.market.market_pinning import pin_market
    from bakeoff.settings.market_settings import MarketSettings

    tables = {"prices": _PRICES, "fundamentals": _FIGURES}
    settings = MarketSettings.model_validate(
        {name: {"source": "parquet", "path": path} for name, path in tables.items()}
    )
    return pin_market(settings, root=folder, snapshots=Path(mkdtemp(dir=folder)), as_of=_LAST)


def _artefacts(folder: Path) -> Any:
    return pickle.loads((folder / _MODELS).read_bytes())  # noqa: S301 - written a moment ago


def _loop(folder: Path, told: Seconds) -> None:
    import pandas as pd

    from models.momentum.features import FEATURES, Screens

    artefacts = _artefacts(folder)
    with _timed(told, "read"):
        prices = pd.read_parquet(folder / _PRICES)
    with _timed(told, "features and model_a"):
        rows = {symbol: _features_of(own) for symbol, own in prices.groupby("symbol")}
        passing = Screens().passing(pd.DataFrame.from_dict(rows, orient="index"))[list(FEATURES)]
        artefacts["model_a_classifier"].predict_proba(passing)
        artefacts["model_a_regressor"].predict(passing)


def _features_of(rows: Any) -> dict[str, float]:
    """Of one symbol, as one writes it with pandas."""
    import numpy as np

    rows = rows.sort_values("date")
    price, dollars = rows["close"], rows["close"] * rows["volume"]
    returns = np.log(price).diff()
    average = price.rolling(200).mean()
    logs = np.log(price.tail(200)).to_numpy()
    volatility_30, volatility_90 = (returns.tail(days).std() * 252**0.5 for days in (30, 90))
    long_enough = len(price) > 252  # noqa: PLR2004 - a year of rows
    return {
        "return_12_1": price.iloc[-22] / price.iloc[-253] - 1 if long_enough else np.nan,
        **{
            f"return_{months}": price.iloc[-1] / price.iloc[-1 - 21 * months] - 1 if long_enough else np.nan
            for months in (9, 6, 3)
        },
        "volatility_30": volatility_30,
        "volatility_90": volatility_90,
        "volatility_ratio": volatility_30 / volatility_90,
        "above_average": price.iloc[-1] / average.iloc[-1] - 1,
        "average_slope": average.iloc[-1] / average.iloc[-21] - 1 if long_enough else np.nan,
        "trend_strength": np.corrcoef(np.arange(len(logs)), logs)[0, 1] if long_enough else np.nan,
        "dollar_volume": dollars.tail(20).median(),
        "volume_ratio": dollars.tail(20).median() / dollars.tail(90).median(),
        "price": price.iloc[-1],
        "age_days": float(
            (np.datetime64(_LAST) - rows["date"].iloc[-1].to_datetime64()).astype("m8[D]").astype(int)
        ),
    }


_TRAINING = "training"
_SIDES: Mapping[str, Callable[[Path, Seconds], None]] = {"bakeoff": _bakeoff, "loop": _loop}


def _side(side: str, folder: Path) -> None:
    for library in (
        "lightgbm",
        "pandas",
        "pyarrow.parquet",
        "scipy.stats",
        "bakeoff.evaluation.market.market_pinning",
    ):
        import_module(library)
    told: Seconds = {}
    if side == _TRAINING:
        _training(folder, told)
        told["peak memory of the training, MB"] = _peak_mb()
    else:
        _SIDES[side](folder, told)
        told["all of it"] = sum(told.values())
        told["peak memory, MB"] = _peak_mb()
    print(json.dumps(told))


def _peak_mb() -> float:
    """Of this process since it began: getrusage would count what its parent had, too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("symbols", type=int, nargs="?", default=2_000)
    parser.add_argument("years", type=int, nargs="?", default=10)
    parser.add_argument("times", type=int, nargs="?", default=5)
    parser.add_argument("--json", type=Path, dest="report")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        _side(given.side, given.folder)
    else:
        main(given.symbols, given.years, given.times, given.report)
