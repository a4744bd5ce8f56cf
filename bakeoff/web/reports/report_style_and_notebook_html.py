"""HTML that carries its style inside: the stylesheet of reports, and runs as notebooks show them.

What stands in a notebook has no script, and no style outside itself. Pages link to the same two files,
`static/tokens.css` and `static/charts.css`.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from bakeoff.web.charts.escaped_markup import Child, Markup, tag
from bakeoff.web.charts.leaderboard_markup import leaderboard_table
from bakeoff.web.charts.verdict_box import verdict_box

#: The element whose colours a notebook sets: the page around it belongs to somebody else.
NOTEBOOK_CLASS = "bo-notebook"

#: How notebooks say that they are dark. They do not follow the system, so neither does what stands in them.
_DARK_NOTEBOOKS = (
    "[data-jp-theme-light=false]",
    ".vscode-dark",
    ".vscode-high-contrast",
    "html[theme=dark]",
)

#: Jupyter has a style of its own for tables, headings and paragraphs in outputs: stripes, figures to the
#: right, columns of equal width. None of it may reach what stands here. Shapes of SVG are left alone: what
#: their attributes say would go, too.
_UNDONE = "table,caption,thead,tbody,tfoot,tr,th,td,p,h3,h4,ul,ol,li,details,summary,strong,small,code,pre"
_AS_IN_A_REPORT = """
color:var(--ink);font:14px/20px var(--sans);
h3{margin:0 0 4px;font-size:14px;line-height:20px;font-weight:640}
>*+*{margin-top:12px}
"""


@cache
def report_stylesheet() -> str:
    """For a document of its own. It follows the system's choice of light or dark."""
    return _read("tokens.css") + _read("charts.css") + _read("report.css")


@cache
def notebook_stylesheet() -> str:
    """Scoped: it changes nothing outside elements of `NOTEBOOK_CLASS`."""
    scope = f".{NOTEBOOK_CLASS}"
    tokens = _read("tokens.css").replace("color-scheme:light dark", "color-scheme:light")
    tokens = "".join(line for line in tokens.splitlines(keepends=True) if "[data-theme" not in line)
    dark = ",".join(f"{notebook} {scope}" for notebook in _DARK_NOTEBOOKS)
    own = f":is({_UNDONE}){{all:revert}}{_AS_IN_A_REPORT}{_read('charts.css')}"
    # Below the class three times, it is stronger than the rules of a notebook, which name one or two.
    return f"{tokens.replace(':root', scope)}{dark}{{color-scheme:dark}}\n{scope * 3}{{\n{own}}}\n"


def _read(name: str) -> str:
    return (files("bakeoff.web") / "static" / name).read_text("utf-8")


def leaderboard_html(report: Mapping[str, Any]) -> str:
    """`report`: the record of a run's report, as `bakeoff show --json` prints it."""
    pending = "" if report["run"]["status"] in {"queued", "running"} else "This run has no verdict."
    return in_notebook(verdict_box(report["verdict"], pending=pending), leaderboard_table(report))


def in_notebook(*parts: Child) -> str:
    """Charts and tables with the style that they need. The output of each cell carries its own."""
    style = tag("style", Markup(notebook_stylesheet()))
    return str(tag("div", style, *parts, class_=NOTEBOOK_CLASS))
