"""How a field of a request is given on the command line."""

from dataclasses import dataclass
from enum import StrEnum


class HelpPanel(StrEnum):
    """Where `bakeoff run --help` lists an option."""

    DATA = "Data"
    DESIGN = "Design"
    CANDIDATES = "Candidates"
    SCORING = "Scoring"
    SAVING = "Saving"
    RUNNING = "Running"


@dataclass(frozen=True, kw_only=True)
class OnCommandLine:
    """Its name there is that of the field, with hyphens.

    A list is given as `A,B`. A flag that is on by default becomes `--no-…`.
    """

    panel: HelpPanel
    metavar: str | None = None
    flag: str | None = None  #: what is typed, if that is not the name
    help: str | None = None  #: None: the description of the field
    in_plan: bool = True  #: whether `bakeoff plan` has it, too
    needs_cells: bool = False  #: it has no effect with `--in-process`, without worker and cells
