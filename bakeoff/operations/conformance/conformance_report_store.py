"""Reports of the conformance kit, kept in the data folder by a digest of the code and parameters checked.

A report is of use as long as the code is as it was. A file that is missing or damaged is no report. What the
reports on the candidates of a run say against them becomes findings of its verdict.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.conformance_report import ConformanceReport
from bakeoff.domain.finding import FAILED_CHECKS, Finding, Severity
from bakeoff.domain.ids_and_times import iso, utc_now
from bakeoff.domain.wording import joined
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from registry.catalog.catalog_contents import CatalogContents
from registry.code.candidate_code import class_modules, code_at

log = logging.getLogger(__name__)

#: The version of the kit: reports of another one are not shown.
_KIT = 1
_FOLDER = "checks"
_CHECKED = ("kind", "path", "params", "steps", "preprocess", "output_kind", "features")

_MOST_NAMED = 4
_CANNOT_BE_REPEATED = "predict-repeatable"  #: its scores say nothing of what it answers the next time


@dataclass(frozen=True, kw_only=True)
class KnownReport:
    report: ConformanceReport
    checked_at: datetime

    def to_record(self) -> dict[str, Any]:
        """In short, as it stands beside a candidate."""
        return {
            "checkedAt": iso(self.checked_at),
            **self.report.counts,
            "failedChecks": self.report.failed,
        }


def keep(configuration: Configuration, candidate: Candidate, report: ConformanceReport) -> None:
    """A report that cannot be kept is still shown to whoever asked for it."""
    file = _file(configuration, candidate)
    draft = file.with_name(f".{uuid4().hex}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"checkedAt": iso(utc_now()), "report": report.to_record()}), "utf-8")
        draft.rename(file)
    except OSError as exc:
        log.warning("the report on %s is not kept: %s", candidate.id, exc)
        draft.unlink(missing_ok=True)


def known_reports(configuration: Configuration, candidates: Iterable[Candidate]) -> dict[str, KnownReport]:
    """By id, those of candidates whose code is as it was when it was checked."""
    if not (configuration.data_dir / _FOLDER).is_dir():
        return {}
    found = {one.id: _read(_file(configuration, one)) for one in candidates}
    return {id_: known for id_, known in found.items() if known is not None}


def catalog_record(configuration: Configuration, contents: CatalogContents) -> dict[str, Any]:
    """The contents of the catalog as JSON, with what is known of each candidate that can be loaded."""
    record = contents.to_record()
    known = known_reports(configuration, [*contents.candidates.values(), *contents.disabled.values()])
    for one in (*record["candidates"], *record["disabled"]):
        report = known.get(one["modelId"])
        one["checks"] = report.to_record() if report else None
    return record


def _read(file: Path) -> KnownReport | None:
    try:
        stored = json.loads(file.read_text("utf-8"))
        at = datetime.fromisoformat(stored["checkedAt"])
        return KnownReport(report=ConformanceReport.from_record(stored["report"]), checked_at=at)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file(configuration: Configuration, candidate: Candidate) -> Path:
    return configuration.data_dir / _FOLDER / f"{digest_of_plugin(candidate, configuration.root)}.json"


def digest_of_plugin(candidate: Candidate, root: Path) -> str:
    code = code_at(class_modules(candidate), root=root)
    whole = candidate.to_json()
    content = [
        _KIT,
        {name: whole[name] for name in _CHECKED},
        dict(sorted(code.modules.items())),
        dict(sorted(code.distributions.items())),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]


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
