"""A suite that has ended, as a notebook and a terminal show it."""

import shutil
from dataclasses import dataclass
from io import StringIO
from typing import Self

from bakeoff.operations.suites.suite_report import SuiteReport

_WIDEST = 140


@dataclass(frozen=True, kw_only=True, repr=False)
class SuiteResult(SuiteReport):
    """`.verdict` says what can be said over all datasets, `.members` has the runs."""

    @classmethod
    def of(cls, report: SuiteReport) -> Self:
        return cls(suite=report.suite, members=report.members, verdict=report.verdict)

    def __repr__(self) -> str:
        """As `bakeoff suites NAME` prints it."""
        from rich.console import Console

        from bakeoff.cli.output.suite_view import suite_parts

        width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST)
        text = StringIO()
        console = Console(
            file=text, width=width, color_system=None, highlight=False, markup=False, emoji=False
        )
        console.print(*suite_parts(self, width=width), sep="\n")
        return "\n".join(line.rstrip() for line in text.getvalue().rstrip().split("\n"))

    def _repr_html_(self) -> str:
        from bakeoff.web.charts.escaped_markup import tag
        from bakeoff.web.charts.mean_rank_chart import mean_ranks_table
        from bakeoff.web.reports.report_style_and_notebook_html import in_notebook

        said = "There is no verdict over the datasets yet." if self.verdict is None else self.verdict.sentence
        runs = [
            tag(
                "li",
                tag("strong", one.member.dataset),
                f": {one.state}. ",
                one.headline.sentence if one.headline else one.member.error,
            )
            for one in self.members
        ]
        ranks = mean_ranks_table(self.verdict) if self.verdict else None
        return in_notebook(tag("h3", self.suite.name), tag("p", said), ranks, tag("ul", *runs))
