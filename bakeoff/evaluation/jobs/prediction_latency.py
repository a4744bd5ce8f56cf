"""In the cell, when all that counts is written: how long the fitted model takes for one row and for a batch.

It is a bonus. It takes a small share of the time of the fit, it is given up if it takes long, what the model
prints meanwhile is thrown away, and what it raises is no failure of the candidate: there is no latency then.
The supervisor accepts it as it accepts everything else of a cell: only if it can be true.
"""

import io
import logging
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from bakeoff.domain.runs.result import CallTimes, Latency

log = logging.getLogger(__name__)

_LONGEST_S = 2.0  #: all together
_SHARE_OF_FIT, _MOST_S = 0.0025, 0.25  #: for single rows, and half of it for batches
#: After a short fit: so many calls, with the first, if they take no longer than that; of batches, than half.
_LEAST_CALLS, _PATIENCE_S = 6, 0.02
_FEW_CALLS, _SHORT_S = 12, 0.001  #: and so many, if they take no longer than that
_MOST_CALLS = 300
_BATCH_ROWS = 256
_SLOW_S = 10.0  #: for all rows


def measure_latency(
    predict: Callable[[Any], Any], X: Any, *, fit_s: float, predict_s: float, left_s: float
) -> Latency | None:
    """`X`: the test features. `predict_s`: what all of them took. `left_s`: until the limit of the job.

    A model may take as long for one row as for all: it is asked only if there is time enough for that, too.
    """
    if not len(X) or predict_s > _SLOW_S or left_s < 2 * (_LONGEST_S + predict_s):
        return None
    share_s = min(_SHARE_OF_FIT * fit_s, _MOST_S)
    batch_rows = min(len(X), _BATCH_ROWS)
    with as_a_bonus("latency"):
        return Latency(
            one_row=_calls(
                predict,
                lambda call: _row(X, call % len(X)),
                rows=1,
                share_s=share_s,
                patience_s=_PATIENCE_S,
            ),
            batch=_calls(
                predict,
                lambda _: X.iloc[:batch_rows],
                rows=batch_rows,
                share_s=share_s / 2,
                patience_s=_PATIENCE_S / 2,
            ),
        )
    return None  # it raised something


def _row(X: Any, place: int) -> Any:
    """A frame of one row. A slice, since `X.iloc[[place]]` takes longer than many a model takes to answer."""
    return X.iloc[place : place + 1]


def is_slow(fit_s: float, predict_s: float) -> bool:
    """Whether predicting all rows a second time would take a noticeable part of the time of the job."""
    return predict_s > max(0.1, 0.05 * fit_s)


def _calls(
    predict: Callable[[Any], Any],
    rows_of: Callable[[int], Any],
    *,
    rows: int,
    share_s: float,
    patience_s: float,
) -> CallTimes:
    """`share_s`: of the time of the fit. `patience_s`: what few calls may take, however short the fit was."""
    took: list[float] = []
    started = time.perf_counter()
    while len(took) < _MOST_CALLS:
        spent_s = time.perf_counter() - started
        if took and spent_s > max(share_s, _allowed_s(len(took), patience_s)):
            break
        given = rows_of(len(took))
        began = time.perf_counter()
        predict(given)
        took.append(time.perf_counter() - began)
    took = took[1:] or took  # what is imported or compiled at the first call is no latency
    took.sort()
    return CallTimes(rows=rows, calls=len(took), p50=_quantile(took, 0.5), p99=_quantile(took, 0.99))


def _allowed_s(calls: int, patience_s: float) -> float:
    """How long so many calls may have taken before the next one, after a short fit."""
    if calls < _LEAST_CALLS:
        return patience_s
    return _SHORT_S if calls < _FEW_CALLS else 0.0


def _quantile(ordered: list[float], share: float) -> float:
    """The value that this share of the calls did not exceed: of few calls, the longest."""
    return ordered[math.ceil(share * len(ordered)) - 1]


@contextmanager
def as_a_bonus(what: str, *, longest_s: float | None = None) -> Iterator[None]:
    """For code of a candidate that has its result already: quiet, bounded in time, and allowed to fail."""
    try:
        with (
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
            _without_log_records(),
            _interrupted_after(_LONGEST_S if longest_s is None else longest_s),
        ):
            warnings.simplefilter("ignore")
            yield
    except Exception as exc:  # noqa: BLE001 - the model is untrusted code, and its result stands without this
        log.info("no %s: %s", what, type(exc).__name__)


@contextmanager
def _without_log_records() -> Iterator[None]:
    """Drops what is logged. `logging.disable` would empty the caches of all loggers: a cell shares that
    memory with its parent, and copies of the pages that it changes take as long as a short job.
    """
    handle = logging.Logger.handle
    logging.Logger.handle = _drop  # type: ignore[method-assign]
    try:
        yield
    finally:
        logging.Logger.handle = handle  # type: ignore[method-assign]


def _drop(self: logging.Logger, record: logging.LogRecord) -> None:
    pass


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in Python code that takes longer. Elsewhere than in the main thread nothing can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def accept_latency(report: Any, *, wall_s: float) -> Latency | None:
    """What a cell reports of it; None where it reports none, or something that cannot be true."""
    claims = report.get("latency") if isinstance(report, Mapping) else None
    if not isinstance(claims, Mapping) or claims.keys() != {"one_row", "batch"}:
        return None
    one_row, batch = (_accept_times(claims[name], wall_s) for name in ("one_row", "batch"))
    return Latency(one_row=one_row, batch=batch) if one_row and batch else None


def _accept_times(claims: Any, wall_s: float) -> CallTimes | None:
    if not isinstance(claims, Mapping) or claims.keys() != {"rows", "calls", "p50", "p99"}:
        return None
    rows, calls, p50, p99 = (claims[name] for name in ("rows", "calls", "p50", "p99"))
    if not (type(rows) is type(calls) is int and 0 < rows <= _BATCH_ROWS and 0 < calls <= _MOST_CALLS):
        return None
    if not (type(p50) is type(p99) is float and 0 <= p50 <= p99 <= wall_s):
        return None
    return CallTimes(rows=rows, calls=calls, p50=p50, p99=p99)
