"""Fundamentals: figures of companies, each row with the day on which it was known to everybody.

`symbol` and `known_on` must be there; every other column of numbers is kept under its own name. A later row
of a symbol takes the place of an earlier one: that is how a figure is corrected.
"""

from datetime import date
from pathlib import Path

from config.market import TableSettings
from evaluation.market.panel import Panel
from evaluation.market.table import about, read_panel

TABLE = "fundamentals"
KNOWN_ON = "known_on"


def read_fundamentals(settings: TableSettings, root: Path, as_of: date) -> tuple[Panel, tuple[str, ...]]:
    """What was known by that day, in order; and what was odd."""
    with about(TABLE):
        panel = read_panel(TABLE, settings, root, day=KNOWN_ON, needed=(), others=None).until(as_of)
        return panel.ordered().without_doubles()
