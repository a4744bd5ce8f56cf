"""The stylesheet of charts and tables, for documents that carry it inside: reports and notebooks.

Pages link to the same two files, `static/tokens.css` and `static/charts.css`.
"""

from functools import cache
from importlib.resources import files

#: The element whose colours a notebook sets: the page around it belongs to somebody else.
NOTEBOOK_CLASS = "bo-notebook"

#: How notebooks say that they are dark. They do not follow the system, so neither does what stands in them.
_DARK_NOTEBOOKS = (
    "[data-jp-theme-light=false]",
    ".vscode-dark",
    ".vscode-high-contrast",
    "html[theme=dark]",
)


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
    return f"{tokens.replace(':root', scope)}{dark}{{color-scheme:dark}}\n{_read('charts.css')}"


def _read(name: str) -> str:
    return (files("bakeoff.web") / "static" / name).read_text("utf-8")
