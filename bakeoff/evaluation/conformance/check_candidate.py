"""The host's side of checking a candidate: orders the cells, and finds out which check ended one.

A check that crashes, hangs or exits ends its cell. It counts as failed, and the others run again without it,
in a new cell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.candidate import Candidate, Learns
from bakeoff.domain.conformance_report import (
    CANDIDATE_CHECKS,
    CheckOutcome,
    CheckResult,
    ConformanceReport,
    in_order,
)
from bakeoff.evaluation.conformance import check_candidate_in_cell
from registry.code.cell_import_and_readable_paths import import_path, readable_paths
from registry.code.permitted_environment_and_files import below_home, variables_of

RunCell = Callable[[Order], CellOutcome]

#: For all checks of a candidate. Who is slower says so, or gives more.
DEFAULT_TIMEOUT_S = 60.0

#: For the oven of these cells: each of several would import it anew.
PRELOADED = (
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.pipeline",
    "sklearn.compose",
    "bakeoff.evaluation.jobs.warm_oven_with_tiny_evaluation:warm_up_sklearn",
    "bakeoff.evaluation.conformance.check_candidate_in_cell",
)

_MOST_CELLS = 4
_GRACE_S = 4.0  #: the checks stop by themselves when the time is over; a check that hangs does not
_OTHER_PROCESS, _MEMORY = "self-contained", "memory-linear"
_SMALL, _TIMES = 500, 4  #: rows
_GROWS, _MUCH_MB = 8.0, 12.0
_SLOW_FIT_S = 0.5
_MODEL_MB = 512
_MODEL_NEEDS = frozenset({"pickles", "predict-repeatable"})
#: If one of these ends the cell, no other check can be made.
_NEEDED = frozenset({"loads", "learns", "shape"})


@dataclass(frozen=True, kw_only=True)
class KitLimits:
    timeout_s: float = DEFAULT_TIMEOUT_S
    threads: int = 1
    memory_mb: int | None = None


def check_candidate(
    candidate: Candidate,
    run: RunCell,
    *,
    root: Path,
    closed: Sequence[Path] = (),
    limits: KitLimits | None = None,
) -> ConformanceReport:
    """`run` runs a cell; `closed` is what it must not read, such as secrets."""
    began = monotonic()
    with TemporaryDirectory(prefix="bakeoff-check-") as folder:
        cells = _Cells(candidate, run, root, tuple(closed), limits or KitLimits(), Path(folder))
        results = [*cells.first(), cells.second(), cells.memory()]
    return ConformanceReport(
        subject=candidate.id,
        checks=in_order(results, CANDIDATE_CHECKS),
        seconds=monotonic() - began,
    )


@dataclass
class _Cells:
    candidate: Candidate
    run: RunCell
    root: Path
    closed: tuple[Path, ...]
    limits: KitLimits
    folder: Path
    fit_s: float | None = None  #: of the small table; None: it could not be fitted
    predicts: bool = False
    ended: dict[str, CheckResult] = field(default_factory=dict)  #: checks that ended their cell
    lacking: list[str] = field(default_factory=lambda: sorted(_MODEL_NEEDS))  #: before there is a model

    @property
    def model(self) -> Path:
        return self.folder / "model.pkl"

    def first(self) -> list[CheckResult]:
        for _ in range(_MOST_CELLS):
            outcome = self.run(
                self._order(
                    check_candidate_in_cell.check,
                    outputs={check_candidate_in_cell.MODEL: self.model},
                    leftOut={slug: result.seen for slug, result in self.ended.items()},
                    seconds=self.limits.timeout_s,
                )
            )
            results = self._results_in(outcome)
            if results is not None:
                return [*results, *self.ended.values()]
            slug = outcome.phase if outcome.phase in CANDIDATE_CHECKS else "loads"
            self.ended[slug] = _ended(slug, outcome, self.limits.timeout_s)
            if slug in _NEEDED:
                break
        others = [slug for slug in CANDIDATE_CHECKS if slug not in {*self.ended, _OTHER_PROCESS, _MEMORY}]
        why = f"{', '.join(self.ended)} ended the process"
        return [*self.ended.values(), *(_skipped(slug, why) for slug in others)]

    def _results_in(self, outcome: CellOutcome) -> list[CheckResult] | None:
        """None if the cell ended without an answer, which comes from untrusted code."""
        if outcome.end is not End.RETURNED or not isinstance(outcome.value, Mapping):
            return None
        try:
            results = [CheckResult.from_record(record) for record in outcome.value["results"]]
            self.candidate = replace(self.candidate, learns=Learns(outcome.value["learns"]))
            seconds = outcome.value["fitSeconds"]
            self.fit_s = None if seconds is None else float(seconds)
            self.predicts = any(one.slug == "shape" and one.outcome is CheckOutcome.PASSED for one in results)
        except (KeyError, TypeError, ValueError):
            return None
        passed = {result.slug for result in results if result.outcome is CheckOutcome.PASSED}
        self.lacking = sorted(_MODEL_NEEDS - passed)
        known = CANDIDATE_CHECKS.keys() - self.ended.keys()
        return [result for result in results if result.slug in known]

    def second(self) -> CheckResult:
        if self.lacking:
            return _skipped(_OTHER_PROCESS, f"it needs {', '.join(self.lacking)}")
        outcome = self.run(self._order(check_candidate_in_cell.check_again, model=str(self.model)))
        if outcome.end is End.RETURNED:
            return CheckResult(slug=_OTHER_PROCESS, outcome=CheckOutcome.PASSED)
        error = outcome.error
        if error is None or error.type != "CheckFailed":
            return _ended(_OTHER_PROCESS, outcome, self.limits.timeout_s)
        return CheckResult(
            slug=_OTHER_PROCESS, outcome=CheckOutcome.FAILED, seen=error.message, cure=error.hint
        )

    def memory(self) -> CheckResult:
        if self.fit_s is None or not self.predicts:
            return _skipped(_MEMORY, "it needs shape")
        if self.fit_s > _SLOW_FIT_S:
            return _skipped(_MEMORY, f"its fit takes {self.fit_s:.1f} s, too long to fit it to more rows")
        found = []
        for rows in (_SMALL, _SMALL * _TIMES):
            outcome = self.run(self._order(check_candidate_in_cell.measure_memory, rows=rows))
            if outcome.end is not End.RETURNED or not isinstance(outcome.value, int | float):
                return _ended(_MEMORY, outcome, self.limits.timeout_s)
            found.append(float(outcome.value))
        few, many = found
        if many > _MUCH_MB and many > _GROWS * max(few, 1.0):
            return CheckResult(
                slug=_MEMORY,
                outcome=CheckOutcome.FAILED,
                seen=f"{_TIMES} times the rows took {many / max(few, 1.0):.0f} times the memory: "
                f"{many:.0f} MB for {_SMALL * _TIMES:,} rows",
                cure="work in batches: a matrix of rows by rows does not fit for many of them",
            )
        seen = f"{few:.1f} MB for {_SMALL} rows, {many:.1f} MB for {_SMALL * _TIMES:,}"
        return CheckResult(slug=_MEMORY, outcome=CheckOutcome.PASSED, seen=seen)

    def _order(
        self, entry: Callable[..., Any], *, outputs: Mapping[str, Path] | None = None, **payload: Any
    ) -> Order:
        limits = self.limits
        models = (self.model,) if outputs is None else ()
        return Order(
            entry=f"{entry.__module__}:{entry.__qualname__}",
            payload={
                "candidate": self.candidate.to_json(),
                "root": str(self.root),
                "threads": limits.threads,
                **payload,
            },
            limits=Limits(
                wall_s=limits.timeout_s + _GRACE_S,
                threads=limits.threads,
                memory_mb=limits.memory_mb,
                output_mb=_MODEL_MB,
            ),
            log=self.folder / "log",
            readable=(*readable_paths(self.root, candidates=[self.candidate], closed=self.closed), *models),
            import_path=import_path(self.root),
            environment=variables_of([self.candidate]),
            in_home=below_home([self.candidate], self.root, self.closed),
            outputs=outputs or {},
        )


def _skipped(slug: str, why: str) -> CheckResult:
    return CheckResult(slug=slug, outcome=CheckOutcome.SKIPPED, seen=why)


def _ended(slug: str, outcome: CellOutcome, timeout_s: float) -> CheckResult:
    error = outcome.error
    said, cure = {
        End.TIMED_OUT: (f"it did not end within {timeout_s:g} s", "bound its loops, or give --timeout"),
        End.EXITED: (
            f"it ended its process with exit code {outcome.exit_code}",
            "remove what calls os._exit or sys.exit",
        ),
        End.SIGNALLED: (
            f"its process was killed by signal {outcome.signal}",
            "a compiled library crashed: install it again, or find the call in the log",
        ),
        End.MEMORY: ("it ran out of memory", "work in smaller parts, or raise memory_limit_mb"),
    }.get(
        outcome.end,
        (f"{error.type}: {error.message}" if error else f"its process ended: {outcome.end}", "mend that"),
    )
    traceback = error.traceback if error else ""
    return CheckResult(
        slug=slug,
        outcome=CheckOutcome.FAILED,
        seen=said,
        cure=(error.hint if error else "") or cure,
        traceback=traceback or outcome.log_tail,
    )
