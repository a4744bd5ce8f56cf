"""In the cell: runs checks one after another, and reports what became of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.conformance_report import CheckOutcome, CheckResult
from bakeoff.domain.errors import BadAnswerError
from registry.code.class_import import LoadError, describe_exception


class CheckFailedError(Exception):
    """The claim does not hold: what was seen, and what to do about it."""

    def __init__(self, seen: str, cure: str) -> None:
        super().__init__(seen, cure)
        self.seen = seen
        self.cure = cure


class NotApplicableError(Exception):
    """The check does not apply to this plugin."""


S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Check(Generic[S]):
    slug: str
    test: Callable[[S], str | None]  #: returns a remark; raises CheckFailedError or NotApplicableError
    needs: tuple[str, ...] = ()  #: if one of these has not passed, this one is skipped
    fails_without: tuple[str, ...] = ()  #: if one of these has failed; it may be skipped


def run_checks(
    checks: Iterable[Check[S]],
    subject: S,
    inside: CellApi,
    *,
    left_out: Mapping[str, str],
    deadline: float,
    before: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """`left_out`: checks that ended their cell, and how: they count as failed, and do not run again.

    `before` is called before each check.
    """
    missing: set[str] = set(left_out)
    failed: set[str] = set(left_out)
    results = []
    for check in checks:
        if check.slug in left_out:
            continue
        lacks = [slug for slug in check.needs if slug in missing]
        lacks += [slug for slug in check.fails_without if slug in failed]
        if lacks:
            result = _skipped(check.slug, f"it needs {', '.join(lacks)}")
        elif monotonic() > deadline:
            result = _skipped(check.slug, "no time was left: give it more with --timeout")
        else:
            inside.phase(check.slug)
            before()
            result = _try(check, subject)
        if result.outcome is not CheckOutcome.PASSED:
            missing.add(check.slug)
        if result.outcome is CheckOutcome.FAILED:
            failed.add(check.slug)
        results.append(result)
    return [asdict(result) for result in results]


def _try(check: Check[S], subject: S) -> CheckResult:
    try:
        seen = check.test(subject)
    except NotApplicableError as exc:
        return _skipped(check.slug, str(exc))
    except CheckFailedError as exc:
        return _failed(check.slug, exc.seen, exc.cure)
    except LoadError as exc:
        return _failed(check.slug, exc.cause, exc.fix, exc.traceback)
    except BadAnswerError as exc:
        return _failed(check.slug, exc.message, exc.hint)
    except MemoryError:  # the cell reports it as what it is
        raise
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - plugins are untrusted code and raise anything
        return _failed(check.slug, f"it raised {describe_exception(exc)}", "mend what it raises")
    return CheckResult(slug=check.slug, outcome=CheckOutcome.PASSED, seen=seen or "")


def _skipped(slug: str, why: str) -> CheckResult:
    return CheckResult(slug=slug, outcome=CheckOutcome.SKIPPED, seen=why)


def _failed(slug: str, seen: str, cure: str, traceback: str = "") -> CheckResult:
    return CheckResult(slug=slug, outcome=CheckOutcome.FAILED, seen=seen, cure=cure, traceback=traceback)
