"""In the cell: checks that a candidate needs no network, can be pickled, starts no more threads than it may,
and answers the same at another date.
"""

import datetime as dt
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

from bakeoff.evaluation.conformance.checked_candidate import (
    SEED,
    CheckedCandidate,
    require_same,
    seed_globals,
)
from bakeoff.evaluation.conformance.conformance_check_runner import Check, CheckFailedError
from registry.code.class_import import describe_exception

_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_SERVICE_THREADS = 3  #: what joblib and the like start beside their workers
_SAMPLED_EVERY_S = 0.002
_LATER = dt.timedelta(days=400)
_REAL_DATETIME, _REAL_DATE = dt.datetime, dt.date


def watch_network(case: CheckedCandidate) -> None:
    """Notes from here on what the candidate tries to reach: an audit hook stays until the process ends."""

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event in _NETWORK and len(case.network) < 20:  # noqa: PLR2004 - a few say enough
            where = given[1] if event in {"socket.connect", "socket.sendto"} else given[:2]
            if isinstance(where, tuple):  # else it is the name of a Unix socket
                case.network.append(f"{event.removeprefix('socket.')} {where!r:.80}")

    sys.addaudithook(hook)


def no_network(case: CheckedCandidate) -> None:
    if case.network:
        raise CheckFailedError(
            f"it used the network: {case.network[0]}",
            "put what it needs beside its code, or into the dataset: a run has to be repeatable",
        )


def pickles(case: CheckedCandidate) -> str:
    try:
        content = pickle.dumps(case.base.model, protocol=pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as exc:  # a plugin raises anything
        raise CheckFailedError(
            f"it cannot be pickled: {describe_exception(exc)}",
            "keep no lambda, open file, lock or connection in self, or drop it in __getstate__",
        ) from exc
    return f"{len(content) / 1000:,.1f} kB"


def round_trip(case: CheckedCandidate) -> None:
    content = BytesIO()
    pickle.dump(case.base.model, content, protocol=pickle.HIGHEST_PROTOCOL)
    content.seek(0)
    cure = "let __getstate__ keep everything that predict uses"
    try:
        loaded = pickle.load(content)  # noqa: S301 - written a line above, in this cell
        seed_globals(SEED)
        again = type(case.base)(own=loaded, model=loaded, seconds=0.0)
        answers = case.ask(again, case.data.X_test)
    except MemoryError:
        raise
    except Exception as exc:  # a plugin raises anything
        raise CheckFailedError(f"saved and loaded, it raised {describe_exception(exc)}", cure) from exc
    require_same(answers, case.answers, when="when it was saved and loaded", cure=cure)


def thread_budget(case: CheckedCandidate) -> str:
    with _thread_count() as most:
        fitted = case.fit(case.data.X, case.data.y)
        case.predict(fitted, case.data.X_test)
    used = max(most)
    if used > case.threads + _SERVICE_THREADS:
        raise CheckFailedError(
            f"it had {used} threads at once, and was granted {case.threads}",
            "take a parameter n_jobs, leave it at None, and start no more threads than that",
        )
    return f"{used} at once, {case.threads} granted"


@contextmanager
def _thread_count() -> Iterator[list[int]]:
    """The numbers of threads, beside those that there were before."""
    before, most, ends = _threads(), [1], threading.Event()
    start = threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        start(thread)
        most.append(_threads() - before)

    def sample() -> None:
        while not ends.wait(_SAMPLED_EVERY_S):
            most.append(_threads() - before)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    before = _threads() - 1
    with mock.patch.object(threading.Thread, "start", counted):
        try:
            yield most
        finally:
            ends.set()
            sampler.join()


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def time_independent(case: CheckedCandidate) -> None:
    cure = "take a date from the data, or as a parameter"
    with _another_time():
        require_same(case.ask(case.base, case.data.X_test), case.answers, when="at a later date", cure=cure)
        again = case.fit(case.data.X, case.data.y)
        require_same(
            case.ask(again, case.data.X_test), case.answers, when="when fitted at a later date", cure=cure
        )


class _LaterDatetime(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _REAL_DATETIME.now(tz) + _LATER

    @classmethod
    def utcnow(cls) -> Any:
        return _REAL_DATETIME.now(dt.UTC).replace(tzinfo=None) + _LATER

    @classmethod
    def today(cls) -> Any:
        return _REAL_DATETIME.now() + _LATER


class _LaterDate(dt.date):
    @classmethod
    def today(cls) -> Any:
        return _REAL_DATE.today() + _LATER


@contextmanager
def _another_time() -> Iterator[None]:
    """The clock is more than a year ahead for Python code, wherever it got the clock from."""
    real_time, real_time_ns = time.time, time.time_ns
    later = {
        id(dt.datetime): _LaterDatetime,
        id(dt.date): _LaterDate,
        id(real_time): lambda: real_time() + _LATER.total_seconds(),
        id(real_time_ns): lambda: real_time_ns() + int(_LATER.total_seconds()) * 10**9,
    }
    # Not in libraries: some check exact types of datetime, and none of them predicts by the clock.
    own = [module for module in list(sys.modules.values()) if _is_of_a_plugin(module)]
    changed = [
        (module, name, value)
        for module in [dt, time, *own]
        for name, value in list(vars(module).items())
        if id(value) in later
    ]
    try:
        for module, name, value in changed:
            setattr(module, name, later[id(value)])
        yield
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


def _is_of_a_plugin(module: Any) -> bool:
    file = getattr(module, "__file__", None) or ""
    return bool(file) and not file.startswith((sys.prefix, sys.base_prefix))


ISOLATION_CHECKS = (
    Check(slug="pickles", test=pickles, needs=("learns",)),
    Check(slug="round-trip", test=round_trip, needs=("pickles", "predict-repeatable")),
    Check(slug="thread-budget", test=thread_budget, needs=("shape",)),
    Check(slug="time-independent", test=time_independent, needs=("deterministic",)),
)

NETWORK_CHECK = Check(slug="no-network", test=no_network, needs=("learns",))
