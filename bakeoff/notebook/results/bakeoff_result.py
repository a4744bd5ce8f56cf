"""What a bake-off found, as an object: frames, the verdict, errors, predictions, the fitted winner.

It holds what it shows, so it can be pickled; what it reads from the project (predictions, the winner, logs)
is found again by the folder of the project, as long as that is there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.wording import listed, nearest
from bakeoff.operations.runs.run_report import RunReport, curve_records, read_report, report_record

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from bakeoff.domain.runs.job import Job
    from bakeoff.domain.runs.verdict import RunVerdict
    from bakeoff.evaluation.reuse.reuse_plan import Prospect
    from bakeoff.notebook.project_session import ProjectSession
    from bakeoff.notebook.results.best_model import BestModel
    from bakeoff.notebook.results.result_plots import ResultPlots
    from bakeoff.operations.comparing.compare_results import ResultComparison
    from bakeoff.web.reports.report_contents import ReportContents

_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class PlannedCandidate:
    candidate: str
    action: str  #: run (it is fitted), score (earlier predictions are scored anew) or reuse
    why: str
    expected_s: float | None  #: None when it was never timed


def planned(prospects: "Sequence[Prospect]") -> tuple[PlannedCandidate, ...]:
    return tuple(
        PlannedCandidate(
            candidate=one.candidate.id, action=str(one.way), why=one.why, expected_s=one.expected_s
        )
        for one in prospects
    )


class VerdictText(str):
    """The sentence of the verdict; `.details` has all of it. It prints without quotes."""

    details: "RunVerdict | None"
    __slots__ = ("details",)

    def __new__(cls, details: "RunVerdict | None") -> Self:
        text = super().__new__(cls, details.sentence if details else "There is no verdict.")
        text.details = details
        return text

    def __repr__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.details,)


class BakeoffResult:
    """The result of one bake-off. In a notebook it shows its leaderboard and its verdict."""

    def __init__(
        self,
        report: RunReport,
        *,
        curves: Sequence[dict[str, Any]],
        root: Path,
        file: Path | None,
        plan: Sequence[PlannedCandidate] = (),
        progress: bool | None = None,
    ) -> None:
        """`root`, `file`: of the project, and of its configuration. `progress`: of the call, for `.best`."""
        self._report = report
        self._curves = curves
        self._root = root
        self._file = file
        self._plan = tuple(plan)
        self._progress = progress
        self._session: ProjectSession | None = None

    @classmethod
    def read(
        cls,
        session: "ProjectSession",
        run_id: str,
        *,
        plan: Sequence[PlannedCandidate] = (),
        progress: bool | None = None,
    ) -> "BakeoffResult":
        configuration = session.configuration
        engine = session.context.engine
        report = read_report(engine, run_id)
        names = [row.result.model_id for row in report.standings]
        result = cls(
            report,
            curves=curve_records(engine, run_id, models=names),
            root=configuration.root,
            file=configuration.file,
            plan=plan,
            progress=progress,
        )
        result._session = session
        return result

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_report", "_curves", "_root", "_file", "_plan", "_progress")
        return {"_session": None, **{name: self.__dict__[name] for name in kept}}

    @property
    def report(self) -> RunReport:
        """All that is stored of the run."""
        return self._report

    @property
    def run_id(self) -> str:
        return self._report.run.id

    @property
    def name(self) -> str:
        return self._report.run.name

    @property
    def state(self) -> str:
        """completed, partial (some candidates failed), failed (all did) or cancelled."""
        return str(self._report.run.state)

    @cached_property
    def leaderboard(self) -> "pd.DataFrame":
        """One row for each candidate with a result, best first."""
        from bakeoff.notebook.results.result_frames import leaderboard

        return leaderboard(self._report)

    @cached_property
    def verdict(self) -> VerdictText:
        """One sentence: which candidate is better, as far as that is shown. `.details` has the figures."""
        return VerdictText(self._report.verdict)

    @cached_property
    def pairs(self) -> "pd.DataFrame":
        """One row for each pair of candidates: the difference, its interval, and whether it is shown."""
        from bakeoff.notebook.results.result_frames import pairs

        return pairs(self._report.verdict)

    @cached_property
    def plan(self) -> "pd.DataFrame":
        """Which candidates were fitted and which reused, and why."""
        from bakeoff.notebook.results.result_frames import plan

        return plan(self._plan)

    @cached_property
    def errors(self) -> "CandidateErrors":
        """The candidates without a result, and those of which a metric has no value, by name."""
        failed = {job.candidate.id: CandidateError(job) for job in self._report.unsuccessful}
        unscored = {
            row.result.model_id: CandidateError(unscored=row.result.unscored)
            for row in self._report.standings
            if row.result.unscored
        }
        return CandidateErrors({**failed, **unscored})

    @cached_property
    def warnings(self) -> dict[str, tuple[str, ...]]:
        """What was noticed of candidates that have a result, by name: those that the leaderboard counts."""
        told = {row.result.model_id: row.result.details.get("warnings", ()) for row in self._report.standings}
        return {name: tuple(map(str, warnings)) for name, warnings in told.items() if warnings}

    @cached_property
    def stopped(self) -> "pd.DataFrame":
        """One row for each candidate that a race has stopped: after how many folds, behind whom."""
        from bakeoff.notebook.results.result_frames import stopped

        return stopped(self._report)

    @property
    def findings(self) -> "pd.DataFrame":
        """What a reader of the verdict should know."""
        from bakeoff.notebook.results.result_frames import findings

        return findings(self._report.verdict)

    @property
    def plot(self) -> "ResultPlots":
        """`.plot.roc()`, `.plot.pareto()` and others: shown by a notebook, saved as .svg or .html."""
        from bakeoff.notebook.results.result_plots import ResultPlots

        return ResultPlots(self._report, self._curves)

    @property
    def url(self) -> str:
        """The page of the run, which `bakeoff up` or `bakeoff api` in the folder of the project serves."""
        settings = self._project().configuration.settings
        return f"http://{settings.api_host}:{settings.api_port}/runs/{self.run_id}"

    @property
    def recommended(self) -> str | None:
        """The candidate to take; None if none is better than looking at no feature."""
        return self._report.verdict.recommended if self._report.verdict else None

    @cached_property
    def best(self) -> "BestModel":
        """The recommended candidate, fitted, loaded from the registry; if none is, that of the highest score.

        It is fitted on the training rows, with folds on all rows. If the run did not save it
        (`save="best"`), it is fitted once more, alone, and saved; the next time it is found.
        """
        from bakeoff.notebook.results.best_model import best_of

        return best_of(self._project(), self._report, progress=self._progress)

    def predictions(self, candidate: str) -> "pd.DataFrame":
        """What it predicted for the test rows: the row of the data, the true value, the prediction."""
        from bakeoff.notebook.results.result_frames import predictions

        return predictions(self._project().context, self._report, self._known(candidate))

    def trials(self, candidate: str) -> "pd.DataFrame":
        """What a candidate that tunes itself has tried in each fit, and what was best there."""
        from bakeoff.notebook.results.result_frames import trials

        return trials(self._report, self._known(candidate))

    def importance(self, candidate: str) -> "pd.DataFrame":
        """What its score loses when a column is shuffled; of a run with `importance=True`."""
        from bakeoff.notebook.errors_in_python_words import in_names_of_python
        from bakeoff.notebook.results.result_frames import importance

        with in_names_of_python({}):
            return importance(self._report, self._known(candidate))

    def wrong_rows(self, candidate: str, *, offset: int = 0, limit: int | None = None) -> "pd.DataFrame":
        """The test rows in which it was wrong, with their features; of numbers, the most wrong first."""
        from bakeoff.notebook.results.result_frames import wrong_rows

        known = self._known(candidate)
        return wrong_rows(self._project().context, self.run_id, known, offset=offset, limit=limit)

    def log(self, candidate: str) -> str:
        """What the candidate printed while it was fitted and while it predicted."""
        from bakeoff.store.bakeoffs import job_queries

        session = self._project()
        for job in job_queries.of_run(session.context.engine, self.run_id):
            if job.candidate.id == candidate:
                file = session.configuration.log_of(job.run_id, job.id)
                return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        raise self._no_such(candidate)

    def compare(self, a: str, b: str, *, margin: float | None = None, rows: int = 0) -> "ResultComparison":
        """Two candidates of this run, by every metric. `margin`: the difference that does not matter."""
        from bakeoff.operations.comparing.compare_results import compare_results

        words = [self._known(a), self._known(b)]
        return compare_results(self._project().context, words, run=self.run_id, margin=margin, rows=rows)

    def export(self, folder: "str | PathLike[str]", *candidates: str) -> str:
        """The candidates as entries of a project's catalog, config/models.yaml; none named means all.

        The folder is that of the project. The code of those that were defined in the notebook is written into
        and the catalog where there is none: into one that is there, take the entries from the text that is
        returned. No file is changed.
        """
        from bakeoff.notebook.candidates.export_candidates import export

        return export(self._project(), self._report, Path(folder), candidates)

    def to_html(self, path: "str | PathLike[str] | None" = None) -> str:
        """The report as one HTML file that loads nothing, as `bakeoff report` writes it; also to `path`."""
        from bakeoff.web.reports.html_report import html_report

        return self._written(html_report, path)

    def to_markdown(self, path: "str | PathLike[str] | None" = None) -> str:
        """The report as Markdown, for a pull request; written to `path`, if it is given."""
        from bakeoff.web.reports.markdown_report import markdown_report

        return self._written(markdown_report, path)

    def _written(self, report: "Callable[[ReportContents], str]", path: "str | PathLike[str] | None") -> str:
        from bakeoff.web.reports.report_contents import read_contents

        text = report(read_contents(self._project().context, self.run_id))
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_record(self) -> dict[str, Any]:
        """The result as JSON, as `bakeoff show --json` writes it."""
        return report_record(self._report)

    def _repr_html_(self) -> str:
        from bakeoff.web.reports.report_style_and_notebook_html import leaderboard_html

        return leaderboard_html(self.to_record())

    def __repr__(self) -> str:
        from bakeoff.notebook.results.result_text import text_of

        return text_of(self._report)

    def _known(self, candidate: str) -> str:
        if any(row.result.model_id == candidate for row in self._report.standings):
            return candidate
        raise self._no_such(candidate)

    def _no_such(self, candidate: str) -> NotFoundError:
        known = [row.result.model_id for row in self._report.standings]
        if candidate in self.errors:
            return NotFoundError(f"{candidate} has no result: {self.errors[candidate]!r}")
        cure = nearest(candidate, known) or f"; there are {listed(known)}"
        return NotFoundError(f"this run has no candidate {candidate!r} with a result{cure}")

    def _project(self) -> "ProjectSession":
        if self._session is None:
            from bakeoff.notebook.open_projects import session_at

            self._session = session_at(self._root, self._file)
        return self._session


class CandidateErrors(Mapping[str, "CandidateError"]):
    """By candidate; printed, one paragraph for each."""

    def __init__(self, errors: "Mapping[str, CandidateError]") -> None:
        self._errors = dict(errors)

    def __getitem__(self, name: str) -> "CandidateError":
        return self._errors[name]

    def __iter__(self) -> Any:
        return iter(self._errors)

    def __len__(self) -> int:
        return len(self._errors)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {error!r}" for name, error in self._errors.items()) or "no errors"


class CandidateError:
    """Why a candidate has no result, or has one in which a metric has no value."""

    def __init__(self, job: "Job | None" = None, *, unscored: "Mapping[str, str] | None" = None) -> None:
        self._error = job.error if job else None
        self._state = str(job.state) if job else "completed"
        self.metrics = dict(unscored or {})  #: why those without a value have none; empty: it has no result

    @property
    def state(self) -> str:
        return self._state

    @property
    def type(self) -> str:
        return self._error.type if self._error else ""

    @property
    def message(self) -> str:
        return self._error.message if self._error else "; ".join(self.metrics.values())

    @property
    def phase(self) -> str:
        return str(self._error.phase) if self._error else ""

    @property
    def hint(self) -> str:
        """What to do about it, where that is known."""
        return self._error.hint if self._error else ""

    @property
    def traceback(self) -> str:
        return self._error.traceback if self._error else ""

    @property
    def log(self) -> str:
        """The last lines that it printed."""
        return self._error.log_tail if self._error else ""

    def __repr__(self) -> str:
        if self.metrics:
            return f"{self.state}, but {self.message}"
        if not self._error:
            return self.state
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.state} at {self.phase}: {self.type}: {self.message}{hint}"
