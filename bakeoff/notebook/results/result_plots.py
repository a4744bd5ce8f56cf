"""The plots of a result, as on its page. Each is an object that a notebook shows and that saves itself."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.metric_names_and_scoring_rules import greater_is_better
from bakeoff.domain.wording import listed
from bakeoff.notebook.errors_in_python_words import in_names_of_python
from bakeoff.operations.runs.run_report import importance_of, report_record
from bakeoff.web.charts.confusion_table import confusion_table
from bakeoff.web.charts.difference_forest import difference_forest, pairs_with
from bakeoff.web.charts.escaped_markup import Markup, tag
from bakeoff.web.charts.leaderboard_markup import leaderboard_table
from bakeoff.web.charts.pairs_matrix import pairs_matrix
from bakeoff.web.charts.plots.curve_plots import calibration_plot, precision_recall_plot, roc_plot
from bakeoff.web.charts.plots.importance_plot import importance_plot
from bakeoff.web.charts.plots.parameter_search_plot import study_plots
from bakeoff.web.charts.plots.pareto_plot import pareto_plot, pareto_points
from bakeoff.web.charts.plots.residual_plots import predicted_true_plot, residual_plot
from bakeoff.web.reports.report_style_and_notebook_html import in_notebook, report_stylesheet

if TYPE_CHECKING:
    from os import PathLike

    from bakeoff.operations.runs.run_report import RunReport

Cost = Literal["predict", "fit", "memory", "p99", "size"]

_SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


class ResultPlot:
    """A plot or a table as HTML with SVG, without any script."""

    def __init__(self, title: str, markup: Markup) -> None:
        self.title = title
        self._markup = markup

    def __repr__(self) -> str:
        return f"<{self.title}: a notebook shows it, .save('plot.svg') or .save('plot.html') writes it>"

    def _repr_html_(self) -> str:
        return in_notebook(self._markup)

    @property
    def svg(self) -> str:
        """The picture alone, with its style. InvalidInputError for what is a table."""
        drawn = [found for found in _SVG.findall(str(self._markup)) if 'role="img"' in found]
        if not drawn:
            raise InvalidInputError(f"{self.title} is a table and has no picture: save it as .html")
        head, _, rest = drawn[0].partition(">")
        size = _BOX.search(head)
        wide = f' width="{size[1]}" height="{size[2]}"' if size else ""
        return f'{head} xmlns="http://www.w3.org/2000/svg"{wide}><style>{report_stylesheet()}</style>{rest}'

    def to_html(self) -> str:
        """A document of its own."""
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{self.title}</title>'
            f"<style>{report_stylesheet()}</style></head><body><main>{self._markup}</main></body></html>\n"
        )

    def save(self, path: "str | PathLike[str]") -> Path:
        """Writes it as .svg or .html, by the ending. Returns the path."""
        file = Path(path)
        match file.suffix.lower():
            case ".svg":
                text = self.svg
            case ".html":
                text = self.to_html()
            case other:
                raise InvalidInputError(f"{file.name} ends in {other or 'nothing'!r}: use .svg or .html")
        file.write_text(text, encoding="utf-8")
        return file


class ResultPlots:
    """`result.plot.roc()` and the others. Curves show up to five candidates, the first on the leaderboard."""

    def __init__(self, report: "RunReport", curves: Sequence[dict[str, Any]]) -> None:
        self._report = report
        self._curves = curves

    def __repr__(self) -> str:
        names = [name for name in dir(type(self)) if not name.startswith("_")]
        return f"<plots of {self._report.run.title}: {', '.join(names)}>"

    def roc(self, *candidates: str) -> ResultPlot:
        """True against false positives."""
        return _plot("ROC curves", roc_plot(self._of(candidates)), _NO_PROBABILITIES)

    def precision_recall(self, *candidates: str) -> ResultPlot:
        """Precision against recall."""
        return _plot("Precision and recall", precision_recall_plot(self._of(candidates)), _NO_PROBABILITIES)

    def calibration(self, *candidates: str) -> ResultPlot:
        """How often what is said to have a probability happens."""
        return _plot("Calibration", calibration_plot(self._of(candidates)), _NO_PROBABILITIES)

    def predicted_true(self, *candidates: str) -> ResultPlot:
        """Of numbers: the truth against the prediction."""
        return _plot("Predicted and true", predicted_true_plot(self._of(candidates)), _NO_NUMBERS)

    def residuals(self, *candidates: str) -> ResultPlot:
        """Of numbers: the distribution of truth less prediction."""
        return _plot("Residuals", residual_plot(self._of(candidates)), _NO_NUMBERS)

    def pareto(self, cost: Cost = "predict") -> ResultPlot:
        """Score against a cost: predict, fit, memory, p99 (of one prediction) or size (of the model)."""
        verdict, metric = self._report.verdict, self._report.metrics[0]
        points = pareto_points(
            report_record(self._report)["leaderboard"],
            [pair.to_record() for pair in verdict.pairs] if verdict else [],
            metric=metric,
            cost=cost,
            greater_is_better=self._report.run.rules.greater_is_better(metric),
            baseline_id=self._report.run.baseline_id,
        )
        return _plot(
            "Score against cost", pareto_plot(points, metric=metric, cost=cost), "no cost was measured"
        )

    def differences(self, reference: str) -> ResultPlot:
        """Each other candidate less this one, with the interval of the difference."""
        verdict = self._report.verdict
        pairs = [pair.to_record() for pair in verdict.pairs] if verdict else []
        known = {name for pair in pairs for name in (pair["a"], pair["b"])}
        if verdict is None or reference not in known:
            raise NotFoundError(f"nothing was compared with {reference!r}; there are {listed(sorted(known))}")
        forest = difference_forest(
            pairs_with(pairs, reference),
            metric=verdict.metric,
            reference=reference,
            detectable=verdict.minimum_detectable_difference,
        )
        return ResultPlot(f"Differences to {reference}", forest)

    def pairs(self) -> ResultPlot:
        """All pairs: row minus column, and what is shown of it."""
        verdict = self._report.verdict
        order = [row.result.model_id for row in self._report.standings]
        found = pairs_matrix([pair.to_record() for pair in verdict.pairs], order=order) if verdict else None
        return _plot("All pairs", found, "there are no two candidates with a score")

    def confusion(self, candidate: str) -> ResultPlot:
        """How many test rows of each class were called what."""
        found = confusion_table(self._details(candidate), model=candidate)
        return _plot(f"Confusion of {candidate}", found, "only classes can be confused")

    def importance(self, candidate: str) -> ResultPlot:
        """What its score loses when a column is shuffled; of a run with `importance=True`."""
        self._details(candidate)
        with in_names_of_python({}):
            _, found = importance_of(self._report, candidate)
        return ResultPlot(f"What {candidate} relies on", importance_plot(found.to_record()))

    def trials(self, candidate: str) -> ResultPlot:
        """What a candidate that tunes itself has tried, one picture for each of its first fits."""
        searches = self._details(candidate).get("tuning") or []
        up = bool(searches) and greater_is_better(searches[0]["metric"])
        drawn = study_plots(searches, greater_is_better=up)
        found = tag("div", *drawn) if drawn else None
        return _plot(f"Trials of {candidate}", found, f"{candidate} has searched no parameters")

    def leaderboard(self) -> ResultPlot:
        """The leaderboard alone."""
        return ResultPlot("Leaderboard", leaderboard_table(report_record(self._report)))

    def _details(self, candidate: str) -> "Mapping[str, Any]":
        for row in self._report.standings:
            if row.result.model_id == candidate:
                return row.result.details
        known = [row.result.model_id for row in self._report.standings]
        raise NotFoundError(
            f"this run has no candidate {candidate!r} with a result; there are {listed(known)}"
        )

    def _of(self, candidates: Sequence[str]) -> list[dict[str, Any]]:
        if not candidates:
            return [one for one in self._curves if one["modelId"] != self._report.run.baseline_id][:5]
        by_name = {one["modelId"]: one for one in self._curves}
        missing = [name for name in candidates if name not in by_name]
        if missing:
            raise NotFoundError(
                f"there are no curves of {listed(missing)}; there are some of {listed(by_name)}"
            )
        return [by_name[name] for name in candidates]


_NO_PROBABILITIES = "no candidate gives probabilities for two classes"
_NO_NUMBERS = "no candidate predicts numbers"


def _plot(title: str, markup: Markup | None, why_none: str) -> ResultPlot:
    if markup is None:
        raise NotFoundError(f"there is no plot {title!r} of this run: {why_none}")
    return ResultPlot(title, markup)
