"""Finds out which candidates can be used, by importing and constructing each one in a cell.

Candidates that consist only of scikit-learn's classes are trusted and share one cell. Every other candidate
has a cell of its own. Whatever it does there (exit, crash, hang, print, change the environment) affects no
other.
"""

import importlib.util
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, NamedTuple

from bakeoff.cell.host.cell_client import connect
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.candidate import Candidate, Learns, Rejection
from registry.catalog.tried_candidates_cache import CheckedCache
from registry.code.cell_import_and_readable_paths import class_paths, import_path, readable_paths
from registry.code.permitted_environment_and_files import below_home, problem_of, variables_of

_ENTRY = "registry.catalog.construct_candidates_in_cell:check_candidates"
_START_TIMEOUT_S = 60.0
_TICK_S = 0.2
_AT_ONCE = 8  #: more than cores: imports that wait or never end do so side by side


class Discovery(NamedTuple):
    healthy: tuple[Candidate, ...]  #: in the given order, each with what the check has found out
    rejections: tuple[Rejection, ...]


def discover(
    candidates: Sequence[Candidate],
    *,
    root: Path,
    import_timeout_s: float,
    closed: Sequence[Path] = (),
    socket: Path | None = None,
    cache_file: Path | None = None,
    recall_rejected: bool = True,
) -> Discovery:
    """Checks the candidates in cells of the oven at `socket`; None starts an oven for this call.

    `closed`: what candidates may not read although it is below `root`.
    `cache_file`: of `CheckedCache`; None checks every candidate.
    `recall_rejected`: without it, those that were rejected before are checked again.
    """
    refused = {one.id: _refusal(one, root, closed) for one in candidates}
    refusals = tuple(one for one in refused.values() if one)
    candidates = [one for one in candidates if refused[one.id] is None]
    cache = cache_file and CheckedCache(cache_file, root=root, import_timeout_s=import_timeout_s)
    recalled = {c.id: again for c in candidates if cache and (again := cache.recall(c))}
    if not recall_rejected:
        recalled = {id_: one for id_, one in recalled.items() if isinstance(one, Candidate)}
    unknown = [candidate for candidate in candidates if candidate.id not in recalled]
    checked = _check_in_cells(unknown, root, import_timeout_s, closed, socket) if unknown else ()
    found = {**recalled, **{one.id: one for one in checked}}
    pairs = [(candidate, found[candidate.id]) for candidate in candidates]
    if cache:
        cache.remember(pairs)
    return Discovery(
        tuple(one for _, one in pairs if isinstance(one, Candidate)),
        (*(one for _, one in pairs if isinstance(one, Rejection)), *refusals),
    )


def _refusal(candidate: Candidate, root: Path, closed: Sequence[Path]) -> Rejection | None:
    """Of a candidate that is to have from outside what must stay closed. Its code is not looked at then."""
    problem = problem_of(candidate, root, closed)
    if problem is None:
        return None
    return _rejection(candidate, _Fault(problem.cause, problem.cure))


def _check_in_cells(
    candidates: Sequence[Candidate],
    root: Path,
    import_timeout_s: float,
    closed: Sequence[Path],
    socket: Path | None,
) -> Sequence[Candidate | Rejection]:
    with (
        _oven(candidates, closed, socket) as oven,
        tempfile.TemporaryDirectory(
            prefix="discovery-", dir=oven.parent
        ) as logs,  # removed with the oven if this process dies
    ):
        checks = _CellChecks(root.resolve(), tuple(closed), import_timeout_s, oven, Path(logs))
        return checks.run(candidates)


@contextmanager
def _oven(candidates: Iterable[Candidate], closed: Sequence[Path], socket: Path | None) -> Iterator[Path]:
    if socket is not None:
        yield socket
        return
    modules = {path.rpartition(":")[0] for c in candidates for path in class_paths(c)}
    preload = [
        "numpy",
        *sorted(filter(_is_in_scikit_learn, modules)),
        "registry.catalog.construct_candidates_in_cell",
    ]
    with Oven.start(preload=preload, closed=closed) as oven:
        yield oven.socket


def _is_trusted(candidate: Candidate) -> bool:
    return all(_is_in_scikit_learn(path.rpartition(":")[0]) for path in class_paths(candidate))


def _is_in_scikit_learn(module: str) -> bool:
    """Whether the class is scikit-learn's, found without an import. A module that does not exist is not."""
    package = importlib.util.find_spec("sklearn")
    top, *rest = module.split(".")
    if top != "sklearn" or package is None or package.origin is None:
        return False
    place = Path(package.origin).parent.joinpath(*rest)
    return place.is_dir() or place.with_suffix(".py").is_file()


@dataclass(frozen=True)
class _CellChecks:
    root: Path
    closed: tuple[Path, ...]
    import_timeout_s: float
    socket: Path
    logs: Path
    given_up: Event = field(default_factory=Event)

    def run(self, candidates: Sequence[Candidate]) -> list[Candidate | Rejection]:
        trusted = tuple(c for c in candidates if _is_trusted(c))
        batches = [trusted] if trusted else []
        batches += [(c,) for c in candidates if c not in trusted]
        todo: SimpleQueue[tuple[Candidate, ...]] = SimpleQueue()
        for batch in batches:
            todo.put(batch)
        width = min(len(batches), max(_AT_ONCE, os.cpu_count() or 1))
        with ThreadPoolExecutor(width, "discovery") as pool:
            workers = [pool.submit(self._check_all, todo) for _ in range(width)]
            try:
                return [checked for worker in workers for checked in worker.result()]
            finally:
                self.given_up.set()  # after an error or Ctrl-C, the other threads end their cells

    def _check_all(self, todo: "SimpleQueue[tuple[Candidate, ...]]") -> list[Candidate | Rejection]:
        checked: list[Candidate | Rejection] = []
        with suppress(Empty):
            while not self.given_up.is_set():
                checked += self._check(todo.get_nowait())
        return checked

    def _check(self, batch: tuple[Candidate, ...]) -> list[Candidate | Rejection]:
        outcome = self._run_cell(batch)
        answers = _answers_in(outcome, len(batch))
        if answers is None and len(batch) > 1:  # find out which of them it was
            return [checked for candidate in batch for checked in self._check((candidate,))]
        if answers is None:
            answers = [_fault_of(outcome, self.import_timeout_s)]
        return [
            _rejection(candidate, answer)
            if isinstance(answer, _Fault)
            else replace(candidate, **answer._asdict())
            for candidate, answer in zip(batch, answers, strict=True)
        ]

    def _run_cell(self, batch: tuple[Candidate, ...]) -> CellOutcome:
        """Runs the check; once more if the warm parent died, which may not be the fault of the candidate."""
        for _ in range(2):
            with connect(self.socket, timeout_s=_START_TIMEOUT_S) as parent:
                outcome = parent.run(
                    self._order(batch), keep_going=lambda: not self.given_up.is_set(), tick_s=_TICK_S
                )
            if outcome.end is not End.LOST:
                break
        return outcome

    def _order(self, batch: tuple[Candidate, ...]) -> Order:
        return Order(
            entry=_ENTRY,
            payload={"root": str(self.root), "candidates": [c.to_json() for c in batch]},
            limits=Limits(wall_s=self.import_timeout_s, threads=1),
            log=self.logs / f"{batch[0].id}.{len(batch)}.log",
            readable=readable_paths(self.root, candidates=batch, closed=self.closed),
            import_path=import_path(self.root),
            environment=variables_of(batch),
            in_home=below_home(batch, self.root, self.closed),
        )


class _Fault(NamedTuple):
    cause: str
    fix: str
    traceback: str = ""
    check_failed: bool = False  #: so that nothing was found out about the candidate


class _FoundPlugin(NamedTuple):
    learns: Learns | None
    artefacts: tuple[str, ...]


def _answers_in(outcome: CellOutcome, expected: int) -> list[_Fault | _FoundPlugin] | None:
    """The result for each candidate; None if the cell returned none, or something malformed."""
    answers = outcome.value
    if outcome.end is not End.RETURNED or not isinstance(answers, list) or len(answers) != expected:
        return None
    try:
        return [_read(answer) for answer in answers]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _read(answer: Mapping[str, Any]) -> _Fault | _FoundPlugin:
    if "learns" in answer:
        learns = None if answer["learns"] is None else Learns(answer["learns"])
        return _FoundPlugin(learns, tuple(map(str, answer["artefacts"])))
    return _Fault(str(answer["cause"]), str(answer["fix"]), str(answer["traceback"]))


def _fault_of(outcome: CellOutcome, import_timeout_s: float) -> _Fault:
    """Why a cell ended without a result."""
    at = f"at {outcome.phase}" if outcome.phase else "while it was loaded"
    error = outcome.error
    found = {
        End.EXITED: _exit(outcome, at),
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
    }.get(outcome.end)
    cause, fix = found or (
        f"could not be checked {at}: {outcome.end}{f', {error.message}' if error else ''}",
        (error and error.hint) or "keep import and construction free of work",
    )
    traceback = error.traceback if error else ""
    return _Fault(cause, fix, traceback or outcome.log_tail, check_failed=found is None)


def _exit(outcome: CellOutcome, at: str) -> tuple[str, str]:
    if outcome.error and outcome.error.type == KeyboardInterrupt.__name__:
        return f"raised KeyboardInterrupt {at}", "remove what raises it, or sends itself SIGINT"
    return (
        f"ended its process with exit code {outcome.exit_code} {at}",
        "remove what calls os._exit or sys.exit",
    )


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
        check_failed=fault.check_failed,
    )
