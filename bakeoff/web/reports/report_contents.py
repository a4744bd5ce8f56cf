"""What a report of a run holds, as plain data: everything is read at once, and nothing is computed anew.

Also here: facts about a run in a few words, from its record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from bakeoff.api.run_records import run_record
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import iso, utc_now
from bakeoff.operations.context import Context
from bakeoff.operations.runs.run_report import curve_records, read_report, report_record
from bakeoff.store.bakeoffs import run_progress_rows
from bakeoff.store.bakeoffs.results import earlier_fits, verdict_rows
from bakeoff.web.charts.icons_badges_and_marks import MOST_MODELS

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ReportContents:
    report: Record  #: as `bakeoff show --json` prints it; each row of the leaderboard with its `details`
    pairs: Sequence[Record]  #: of the verdict; empty until there is one
    densities: Sequence[Sequence[Any]]  #: of differences between candidates, as they are stored
    curves: Sequence[Record]  #: of the first candidates of the leaderboard
    jobs: Sequence[Record]
    origins: Sequence[Record]  #: of each result: where it was fitted, and what determines it
    environment: Record | None  #: commit, processor and packages of the newest fit; None where none is known
    design: str  #: how rows are trained on and tested, in words; empty for one split at random
    bakeoff: str  #: the version that wrote the report
    written_at: datetime

    @property
    def run(self) -> Record:
        found: Record = self.report["run"]
        return found

    @property
    def verdict(self) -> Record | None:
        found: Record | None = self.report["verdict"]
        return found

    @property
    def findings(self) -> Sequence[Record]:
        """Those of the verdict, which has them all; until there is one, those on the data."""
        found: Sequence[Record] = self.verdict["findings"] if self.verdict else self.run["findings"]
        return found

    @property
    def replay(self) -> str | None:
        """The command that fits one candidate once more on the same rows, and compares what it predicts."""
        recommended = self.verdict["recommended"] if self.verdict else None
        candidate = recommended or next((row["modelId"] for row in self.report["leaderboard"]), None)
        return None if candidate is None else f"bakeoff reproduce {self.run['runId']} {candidate}"

    def to_record(self) -> dict[str, Any]:
        return {
            **self.report,
            "pairs": list(self.pairs),
            "densities": list(self.densities),
            "curves": list(self.curves),
            "timeline": list(self.jobs),
            "origins": list(self.origins),
            "environment": self.environment,
            "replay": self.replay,
            "bakeoff": self.bakeoff,
            "writtenAt": iso(self.written_at),
        }


def read_contents(context: Context, run_id: str) -> ReportContents:
    report = read_report(context.engine, run_id)
    if report.run.signals is not None:
        raise InvalidInputError(
            f"run {report.run.title} asked signal models, and has no leaderboard: "
            f"`bakeoff show {run_id[:8]}` shows its signals"
        )
    record = report_record(report)
    rows = [
        {**row, "details": dict(standing.result.details)}
        for row, standing in zip(record["leaderboard"], report.standings, strict=True)
    ]
    shown = [row["modelId"] for row in rows if row["modelId"] != report.run.baseline_id][:MOST_MODELS]
    origins, environment = _origins(context, rows)
    return ReportContents(
        report={**record, "leaderboard": rows},
        pairs=[pair.to_record() for pair in report.verdict.pairs] if report.verdict else [],
        densities=verdict_rows.densities_of(context.engine, run_id),
        curves=curve_records(context.engine, run_id, models=shown),
        jobs=run_record(run_progress_rows.of_run(context.engine, run_id))["jobs"],
        origins=origins,
        environment=environment,
        design=report.run.dataset.design.title,
        bakeoff=version("bakeoff"),
        written_at=utc_now(),
    )


def _origins(context: Context, rows: Sequence[Record]) -> tuple[list[Record], Record | None]:
    """Of results that are older than provenances, and of reused ones whose origin is gone, the ids alone."""
    origins: list[Record] = []
    newest: Record | None = None
    for row in rows:
        fitted_in = row["reusedFrom"] or row["evaluationId"]
        fit = earlier_fits.of_evaluation(context.engine, fitted_in)
        origins.append(
            {
                "modelId": row["modelId"],
                "modelVersion": row["modelVersion"],
                "fittedIn": fitted_in,
                "fingerprint": fit.provenance.fingerprint if fit else None,
                "predictions": fit.provenance.predictions if fit else None,
            }
        )
        if fit is not None and (newest is None or iso(fit.result.timestamp) > newest["fittedAt"]):
            newest = {**fit.provenance.manifest.to_record(), "fittedAt": iso(fit.result.timestamp)}
    return origins, newest


def dataset_facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Value and word: the dataset, its rows, the seed, how many candidates."""
    jobs = run["jobs"]
    candidates = sum(jobs.values())
    return [
        (run["datasetName"], str(run["targetKind"])),
        *_rows(run),
        (str(run["columns"]), "feature" if run["columns"] == 1 else "features"),
        (f"seed {run['seed']}", ""),
        (str(candidates), "candidate" if candidates == 1 else "candidates"),
    ]


def _rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """In folds every row is trained on and tested, though not at once: two numbers would count it twice."""
    design = run["design"]
    if design["folds"] > 1 or design["foldColumn"] is not None:
        return [(f"{run['testRows']:,}", "rows in folds")]
    return [(f"{run['trainRows']:,}", "train"), (f"{run['testRows']:,}", "test")]


def seconds_between(begin: str | None, end: str | None) -> float | None:
    if begin is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
