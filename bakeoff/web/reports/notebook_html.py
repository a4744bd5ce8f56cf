"""The verdict and the leaderboard of a run as HTML for a notebook: no script, and no style outside itself."""

from collections.abc import Mapping
from typing import Any

from bakeoff.web.charts.leaderboard_markup import leaderboard_table
from bakeoff.web.charts.markup import Child, Markup, tag
from bakeoff.web.charts.stylesheet import NOTEBOOK_CLASS, notebook_stylesheet
from bakeoff.web.charts.verdict_box import verdict_box


def leaderboard_html(report: Mapping[str, Any]) -> str:
    """`report`: the record of a run's report, as `bakeoff show --json` prints it."""
    pending = "" if report["run"]["status"] in {"queued", "running"} else "This run has no verdict."
    return in_notebook(verdict_box(report["verdict"], pending=pending), leaderboard_table(report))


def in_notebook(*parts: Child) -> str:
    """Charts and tables with the style that they need. The output of each cell carries its own."""
    style = tag("style", Markup(notebook_stylesheet()))
    return str(tag("div", style, *parts, class_=NOTEBOOK_CLASS))
