"""Runs as lists show them: one line each, with how far it is and the score of its best candidate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bakeoff.domain.ids_and_times import iso, iso_or_none
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import Run
from bakeoff.store.bakeoffs import run_label_rows
from bakeoff.store.bakeoffs.results import run_list_summaries
from bakeoff.store.bakeoffs.results.run_list_summaries import Headline
from bakeoff.store.bakeoffs.run_rows import RunSummary
from bakeoff.web.table_downloads import ShownTable

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, kw_only=True)
class RunLine:
    run: Run
    counts: dict[str, int]  #: jobs by state
    headline: Headline | None
    labels: Sequence[str] = ()

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        return sum(number for state, number in self.counts.items() if JobState(state).has_ended)

    @property
    def without_result(self) -> int:
        return self.done - self.counts[JobState.COMPLETED]

    @property
    def took(self) -> timedelta | None:
        """From its first job to its end; None before."""
        begun, ended = self.run.started_at, self.run.ended_at
        return ended - begun if begun and ended else None

    @property
    def at(self) -> datetime:
        return self.run.created_at


def run_lines(engine: "Engine", summaries: Sequence[RunSummary]) -> list[RunLine]:
    ids = [one.run.id for one in summaries]
    found, labels = run_list_summaries.headlines(engine, ids), run_label_rows.of_runs(engine, ids)
    return [
        RunLine(
            run=one.run,
            counts={str(state): one.jobs.get(state, 0) for state in JobState},
            headline=found.get(one.run.id),
            labels=labels.get(one.run.id, ()),
        )
        for one in summaries
    ]


def run_table(lines: Sequence[RunLine]) -> ShownTable:
    return ShownTable(
        name="runs",
        columns=(
            "runId", "name", "status", "dataset", "done", "jobs", "withoutResult", "best", "metric", "score",
            "low", "high", "tied", "createdAt", "startedAt", "endedAt", "verdict", "labels",
        ),
        rows=[_row(line) for line in lines],
    )  # fmt: skip


def _row(line: RunLine) -> list[str | int | float | None]:
    run, headline = line.run, line.headline
    interval = headline.interval if headline else None
    return [
        run.id,
        run.name,
        str(run.state),
        run.dataset.name,
        line.done,
        line.total,
        line.without_result,
        headline.recommended if headline else None,
        headline.metric if headline else None,
        headline.value if headline else None,
        interval.low if interval else None,
        interval.high if interval else None,
        headline.tied if headline else None,
        iso(run.created_at),
        iso_or_none(run.started_at),
        iso_or_none(run.ended_at),
        headline.sentence if headline else None,
        ", ".join(line.labels) or None,
    ]
