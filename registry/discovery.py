"""Finding out which candidates can take part, by importing and constructing each one in a cell.

What comes from scikit-learn alone is no stranger's code and shares one cell; every other candidate has a cell
of its own, so that whatever it does there - exit, crash, hang, print, change the environment - hurts nobody.
"""

import importlib.util
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, NamedTuple

from cell.client import connect
from cell.order import Limits, Order
from cell.outcome import End, Outcome
from cell.oven import Oven
from domain.candidate import Candidate, Rejection
from registry.loader import is_class_mapping
from registry.surroundings import import_path, readable

_ENTRY = "registry.probe:probe"
_START_TIMEOUT_S = 60.0
_TICK_S = 0.2


class Discovery(NamedTuple):
    healthy: tuple[Candidate, ...]  #: in the order they were given
    rejections: tuple[Rejection, ...]


def discover(
    candidates: Sequence[Candidate], *, root: Path, import_timeout_s: float, socket: Path | None = None
) -> Discovery:
    """Takes the Oven at `socket`, or one of its own for as long as this lasts."""
    if not candidates:
        return Discovery((), ())
    with _oven(candidates, socket) as oven, tempfile.TemporaryDirectory(prefix="bakeoff-discovery-") as logs:
        inspection = _Inspection(root.resolve(), import_timeout_s, oven, Path(logs))
        rejected = {rejection.id: rejection for rejection in inspection.run(candidates)}
    return Discovery(
        tuple(c for c in candidates if c.id not in rejected),
        tuple(rejected[c.id] for c in candidates if c.id in rejected),
    )


@contextmanager
def _oven(candidates: Iterable[Candidate], socket: Path | None) -> Iterator[Path]:
    if socket is not None:
        yield socket
        return
    modules = {path.rpartition(":")[0] for c in candidates for path in _class_paths(c)}
    preload = ["numpy", *sorted(filter(_is_in_scikit_learn, modules)), "registry.probe"]
    with Oven.start(preload=preload) as oven:
        yield oven.socket


def _is_ours(candidate: Candidate) -> bool:
    return all(_is_in_scikit_learn(path.rpartition(":")[0]) for path in _class_paths(candidate))


def _is_in_scikit_learn(module: str) -> bool:
    """Without importing it; what is not there is not ours either, lest the Oven be asked for it."""
    package = importlib.util.find_spec("sklearn")
    top, *rest = module.split(".")
    if top != "sklearn" or package is None or package.origin is None:
        return False
    place = Path(package.origin).parent.joinpath(*rest)
    return place.is_dir() or place.with_suffix(".py").is_file()


def _class_paths(candidate: Candidate) -> Iterator[str]:
    parts = [(step.path, step.params) for step in candidate.steps]
    if candidate.path:
        parts.append((candidate.path, candidate.params))
    for path, params in parts:
        yield path
        yield from _nested_paths(params)


def _nested_paths(value: Any) -> Iterator[str]:
    if is_class_mapping(value):
        yield value["class"]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _nested_paths(item)


@dataclass(frozen=True)
class _Inspection:
    root: Path
    import_timeout_s: float
    socket: Path
    logs: Path
    given_up: Event = field(default_factory=Event)

    def run(self, candidates: Sequence[Candidate]) -> list[Rejection]:
        ours = tuple(c for c in candidates if _is_ours(c))
        batches = [ours] if ours else []
        batches += [(c,) for c in candidates if c not in ours]
        todo: SimpleQueue[tuple[Candidate, ...]] = SimpleQueue()
        for batch in batches:
            todo.put(batch)
        width = min(len(batches), os.cpu_count() or 1)
        with ThreadPoolExecutor(width, "discovery") as pool:
            shares = [pool.submit(self._work_off, todo) for _ in range(width)]
            try:
                return [rejection for share in shares for rejection in share.result()]
            finally:
                self.given_up.set()

    def _work_off(self, todo: "SimpleQueue[tuple[Candidate, ...]]") -> list[Rejection]:
        rejections = []
        with suppress(Empty):
            while not self.given_up.is_set():
                rejections += self._check(todo.get_nowait())
        return rejections

    def _check(self, batch: tuple[Candidate, ...]) -> list[Rejection]:
        outcome = self._ask(batch)
        faults = _faults_in(outcome, len(batch))
        if faults is None and len(batch) > 1:
            return [rejection for candidate in batch for rejection in self._check((candidate,))]
        if faults is None:
            faults = [_fault_of(outcome, self.import_timeout_s)]
        return [_rejection(c, fault) for c, fault in zip(batch, faults, strict=True) if fault]

    def _ask(self, batch: tuple[Candidate, ...]) -> Outcome:
        """Asked again once when the warm parent died: that need not be the doing of the candidate."""
        for _ in range(2):
            with connect(self.socket, timeout_s=_START_TIMEOUT_S) as parent:
                outcome = parent.run(
                    self._order(batch), keep_going=lambda: not self.given_up.is_set(), tick_s=_TICK_S
                )
            if outcome.end is not End.LOST:
                break
        return outcome

    def _order(self, batch: tuple[Candidate, ...]) -> Order:
        files = [self.root / p.rpartition(":")[0] for c in batch for p in _class_paths(c) if ".py:" in p]
        return Order(
            entry=_ENTRY,
            payload={"root": str(self.root), "candidates": [c.to_json() for c in batch]},
            limits=Limits(wall_s=self.import_timeout_s, threads=1),
            log=self.logs / f"{batch[0].id}.{len(batch)}.log",
            readable=(*readable(self.root), *(file.resolve().parent for file in files)),
            import_path=import_path(self.root),
        )


class _Fault(NamedTuple):
    cause: str
    fix: str
    traceback: str = ""


def _faults_in(outcome: Outcome, expected: int) -> list[_Fault | None] | None:
    """What the probe answered, one for each candidate; None when it did not, or when somebody forged it."""
    answers = outcome.value
    if outcome.end is not End.RETURNED or not isinstance(answers, list) or len(answers) != expected:
        return None
    try:
        return [_Fault(**{k: str(v) for k, v in answer.items()}) if answer else None for answer in answers]
    except (AttributeError, TypeError):
        return None


def _fault_of(outcome: Outcome, import_timeout_s: float) -> _Fault:
    """For a cell that did not come to an answer."""
    at = f"at {outcome.phase}" if outcome.phase else "while it was loaded"
    error = outcome.error
    cause, fix = {
        End.EXITED: (
            f"ended its process with exit code {outcome.exit_code} {at}",
            "remove what calls os._exit or sys.exit",
        ),
        End.SIGNALLED: (
            f"crashed with {_name_of_signal(outcome.signal)} {at}",
            "a compiled library is broken or does not fit the others: install it again",
        ),
        End.TIMED_OUT: (
            f"took longer than importTimeout ({import_timeout_s:g} s) {at}",
            "move slow work into fit, or raise importTimeout in config/bakeoff.yaml",
        ),
        End.MEMORY: (f"ran out of memory {at}", "load large things in fit"),
        End.RAISED: (
            f"failed {at} with {error.type}: {error.message}" if error else f"failed {at}",
            "mend what the traceback shows",
        ),
    }.get(
        outcome.end,
        (
            f"could not be checked {at}: {outcome.end}{f', {error.message}' if error else ''}",
            "keep import and construction free of work",
        ),
    )
    traceback = error.traceback if error else ""
    return _Fault(cause, fix, traceback or outcome.log_tail)


def _name_of_signal(number: int | None) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def _rejection(candidate: Candidate, fault: _Fault) -> Rejection:
    path = candidate.path or ", ".join(step.path for step in candidate.steps)
    return Rejection(
        id=candidate.id,
        version=candidate.version,
        path=path,
        cause=fault.cause,
        fix=fault.fix,
        traceback=fault.traceback,
    )
