"""The parts of a result as DataFrames, with a sensible index and a type for each column."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.runs.verdict import Standing
from bakeoff.notebook.candidates.notebook_code_as_modules import FOLDER
from bakeoff.operations.runs.run_report import RunReport

_MOMENT = "datetime64[us, UTC]"

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from bakeoff.domain.runs.verdict import RunVerdict
    from bakeoff.notebook.results.bakeoff_result import PlannedCandidate
    from bakeoff.operations.context import Context
    from bakeoff.store.bakeoffs.run_rows import RunSummary


def leaderboard(report: RunReport) -> "pd.DataFrame":
    import pandas as pd

    verdict, first = report.verdict, report.metrics[0]
    called = _called(report.metrics)
    names = [row.result.model_id for row in report.standings]
    intervals = [row.result.intervals.get(first) for row in report.standings]
    columns: dict[str, Any] = {
        "band": pd.array([_band(verdict, name) for name in names], dtype="string"),
        "standing": pd.Categorical(
            [_standing(verdict, name) for name in names], categories=[str(one) for one in Standing]
        ),
        called[first]: _floats([row.result.metrics.get(first) for row in report.standings]),
        "low": _floats([one.low if one else None for one in intervals]),
        "high": _floats([one.high if one else None for one in intervals]),
    }
    for metric in report.metrics[1:]:
        columns[called[metric]] = _floats([row.result.metrics.get(metric) for row in report.standings])
    to_best = [verdict.to_best.get(name) if verdict else None for name in names]
    columns |= {
        "to_best": _floats([one.difference if one else None for one in to_best]),
        "beats_baseline": pd.array([row.beats_baseline for row in report.standings], dtype="boolean"),
        "fit_s": _floats([row.result.cost.fit_s for row in report.standings]),
        "predict_s": _floats([row.result.cost.predict_s for row in report.standings]),
        "memory_mb": _floats([row.result.cost.peak_memory_mb for row in report.standings]),
        "reused": [row.result.reused_from is not None for row in report.standings],
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="candidate", dtype="object"))


def trials(report: RunReport, candidate: str) -> "pd.DataFrame":
    """A column for each parameter, between the number of the trial and what it gave."""
    import pandas as pd

    result = next(row.result for row in report.standings if row.result.model_id == candidate)
    searches = result.details.get("tuning")
    if not searches:
        raise NotFoundError(f"{candidate} has searched no parameters: give it `tune`, or bakeoff.tuned(...)")
    rows = [
        {
            "fit": fit,
            "trial": trial["number"] + 1,
            **trial["params"],
            "value": trial["value"],
            "state": trial["state"],
            "best": trial["number"] == found["best"],
            "seconds": trial["seconds"],
            "error": trial["error"],
        }
        for fit, found in enumerate(searches, start=1)
        for trial in found["trials"]
    ]
    return pd.DataFrame(rows).set_index(["fit", "trial"])


def importance(report: RunReport, candidate: str) -> "pd.DataFrame":
    """One row for each column of the data, the one that matters most first."""
    import pandas as pd

    from bakeoff.operations.runs.run_report import importance_of

    _, found = importance_of(report, candidate)
    return pd.DataFrame(
        {
            "loss": _floats([one.loss for one in found.columns]),
            "spread": _floats([one.spread for one in found.columns]),
            "times": [one.times for one in found.columns],
        },
        index=pd.Index([one.column for one in found.columns], name="column", dtype="object"),
    )


def wrong_rows(
    context: "Context", run_id: str, candidate: str, *, offset: int, limit: int | None
) -> "pd.DataFrame":
    """One row for each, by its place in the data: the truth, the prediction, then the features."""
    import pandas as pd

    from bakeoff.operations.comparing import wrong_rows as rows_of
    from bakeoff.operations.comparing.find_named_results import find_results

    for what, number in (("offset", offset), ("limit", limit)):
        if number is not None and number < 0:  # a slice would count it from the end
            raise InvalidInputError(f"{what} is {number}: give a number of rows, 0 or more")
    [result] = find_results(context, [candidate], run=run_id)
    found = rows_of.wrong_rows(context, result, offset=offset, limit=limit)
    about = pd.DataFrame(
        {
            "true": [one.true for one in found.items],
            "predicted": [one.predicted for one in found.items],
            "probability": _floats([one.probability for one in found.items]),
            "error": _floats([one.error for one in found.items]),
        }
    )
    features = pd.DataFrame([dict(one.features) for one in found.items])
    frame = pd.concat([about, features], axis=1)
    return frame.set_axis(pd.Index([one.row for one in found.items], name="row"), axis=0)


def _called(metrics: "Sequence[str]") -> dict[str, str]:
    """By metric. A function that the call was given goes by its own name, if no other metric has it."""
    short = {name: short_name(name) for name in metrics}
    own = list(short.values())
    return {
        name: short[name] if name.startswith(f"{FOLDER}.") and own.count(short[name]) == 1 else name
        for name in metrics
    }


def pairs(verdict: "RunVerdict | None") -> "pd.DataFrame":
    """The index is the two candidates; the difference is that of the first minus the second."""
    import pandas as pd

    found = verdict.pairs if verdict else ()
    index = pd.MultiIndex.from_tuples([(one.a, one.b) for one in found], names=["a", "b"])
    if not found:
        index = pd.MultiIndex.from_arrays([[], []], names=["a", "b"])
    return pd.DataFrame(
        {
            "difference": _floats([one.difference for one in found]),
            "low": _floats([one.low for one in found]),
            "high": _floats([one.high for one in found]),
            "p_value": _floats([one.p_value for one in found]),
            "better": pd.array([one.better for one in found], dtype="string"),
        },
        index=index,
    )


def stopped(report: RunReport) -> "pd.DataFrame":
    """The scores are means over the folds that each had."""
    import pandas as pd

    metric, found = report.metrics[0], report.stopped
    return pd.DataFrame(
        {
            "after_folds": [one.look.number for one in found],
            _called(report.metrics)[metric]: _floats([one.metrics.get(metric) for one in found]),
            "leader": pd.array([one.look.leader for one in found], dtype="string"),
            "p_value": _floats([one.look.p_values[one.job.candidate.id] for one in found]),
        },
        index=pd.Index([one.job.candidate.id for one in found], name="candidate", dtype="object"),
    )


def plan(planned: "Sequence[PlannedCandidate]") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        {
            "action": pd.array([one.action for one in planned], dtype="string"),
            "why": pd.array([one.why for one in planned], dtype="string"),
            "expected_s": _floats([one.expected_s for one in planned]),
        },
        index=pd.Index([one.candidate for one in planned], name="candidate", dtype="object"),
    )


def run_list(summaries: "Sequence[RunSummary]") -> "pd.DataFrame":
    import pandas as pd

    runs = [one.run for one in summaries]
    return pd.DataFrame(
        {
            "name": pd.array([one.name for one in runs], dtype="string"),
            "state": pd.array([str(one.state) for one in runs], dtype="string"),
            "dataset": pd.array([one.dataset.name for one in runs], dtype="string"),
            "metric": pd.array([one.rules.metrics[0] for one in runs], dtype="string"),
            "candidates": [sum(one.jobs.values()) for one in summaries],
            "created_at": _moments([one.created_at for one in runs]),
            "ended_at": _moments([one.ended_at for one in runs]),
        },
        index=pd.Index([one.id for one in runs], name="run", dtype="object"),
    )


def findings(verdict: "RunVerdict | None") -> "pd.DataFrame":
    import pandas as pd

    found = verdict.findings if verdict else ()
    return pd.DataFrame(
        {
            "severity": pd.array([str(one.severity) for one in found], dtype="string"),
            "message": pd.array([one.message for one in found], dtype="string"),
            "cure": pd.array([one.cure for one in found], dtype="string"),
            "accepted": pd.array([one.accepted for one in found], dtype="string"),
        },
        index=pd.Index([one.slug for one in found], name="finding", dtype="object"),
    )


def predictions(context: "Context", report: RunReport, candidate: str) -> "pd.DataFrame":
    """One row for each test row, by its place in the data; with probabilities where they were stored."""
    import numpy as np
    import pandas as pd

    from bakeoff.evaluation.datasets import read_snapshot
    from bakeoff.evaluation.jobs.accept_outputs import load_predictions
    from bakeoff.evaluation.reports.disagreements import ScoredRows, answers_at
    from bakeoff.operations.judging.sketch_kept_predictions import kept_predictions
    from bakeoff.store.bakeoffs import job_queries

    run = report.run
    result = next(row.result for row in report.standings if row.result.model_id == candidate)
    paths = kept_predictions(context, run, result)
    if paths is None:
        raise NotFoundError(f"the predictions of {candidate} are not kept any more: use fresh=True")
    true = read_snapshot.sealed_labels(paths.snapshot)
    job = job_queries.get(context.engine, result.evaluation_id)
    scored = ScoredRows(
        true=true,
        predictions={candidate: load_predictions(job, paths)},
        rules=run.rules,
        target_kind=run.dataset.target_kind,
        classes=read_snapshot.classes(paths.snapshot),
    )
    labels, sure = answers_at(scored, np.arange(len(true)))[candidate]
    columns = {"true": true, "predicted": labels, **({"probability": sure} if sure is not None else {})}
    rows = pd.Index(read_snapshot.sealed_rows(paths.snapshot), name="row")
    return pd.DataFrame(columns, index=rows).sort_index()


def _band(verdict: "RunVerdict | None", name: str) -> str | None:
    band = verdict.bands.get(name) if verdict else None
    if band is None:
        return None
    return str(band[0]) if band[0] == band[1] else f"{band[0]}-{band[1]}"


def _standing(verdict: "RunVerdict | None", name: str) -> str | None:
    standing = verdict.standings.get(name) if verdict else None
    return None if standing is None else str(standing)


def _floats(values: Sequence[float | None]) -> Any:
    import numpy as np

    return np.array([np.nan if value is None else value for value in values], dtype="float64")


def _moments(values: "Sequence[datetime | None]") -> "pd.DatetimeIndex":
    import pandas as pd

    return pd.DatetimeIndex([pd.NaT if value is None else value for value in values], dtype=_MOMENT)
