"""What `bakeoff check` found in the candidates of a run, as long as their code is as it was then."""

from collections.abc import Iterable, Iterator

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.finding import FAILED_CHECKS, Finding, Severity
from bakeoff.domain.wording import joined
from bakeoff.operations.conformance.report_store import known_reports
from bakeoff.operations.context import Context

_MOST_NAMED = 4
_CANNOT_BE_REPEATED = "predict-repeatable"  #: its scores say nothing of what it answers the next time


def findings_of_checks(context: Context, candidates: Iterable[Candidate]) -> Iterator[Finding]:
    for name, known in known_reports(context.configuration, candidates).items():
        failed = known.report.failed
        if failed:
            more = [f"{len(failed) - _MOST_NAMED} more"] if failed[_MOST_NAMED:] else []
            yield Finding(
                slug=FAILED_CHECKS,
                severity=Severity.HIGH if _CANNOT_BE_REPEATED in failed else Severity.MEDIUM,
                message=f"{name} fails {joined([*failed[:_MOST_NAMED], *more])}",
                cure=f"`bakeoff check {name}` says what to mend",
                candidates=(name,),
            )
