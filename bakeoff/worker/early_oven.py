"""The oven of a worker, started before the worker imports anything large. A leaf, quick to import.

Who starts a worker says in an argument of its process what oven it wants. So the oven loads its libraries
while the worker loads Celery, SQLAlchemy and ours. What only the configuration tells, such as what cells may
not read, the worker says when it has read it; until then the oven forks nothing.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bakeoff.cell.oven.start_and_stop_oven import Oven
from registry.code.cell_import_and_readable_paths import import_path

#: An argument of the process of a worker that has an oven; the root of the project and `preload` follow.
OVEN_FIRST = "--oven-first"
#: What an oven loads if nobody says anything else.
USUAL = ("sklearn",)

#: Imported in the oven once, so that every cell is forked with them in memory.
_ALWAYS = (
    "bakeoff.settings.log_setup:set_up_for_plugins",
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.pandas_compat",
    "threadpoolctl",
    "joblib",
    "bakeoff.evaluation.jobs.warm_oven_with_tiny_evaluation:warm_up",
)
#: Modules that are imported as well, for libraries that load their parts late.
_PARTS = {
    "sklearn": (
        "sklearn.pipeline",
        "sklearn.compose",
        "sklearn.preprocessing",
        "sklearn.impute",
        "sklearn.linear_model",
        "sklearn.ensemble",
        "sklearn.neighbors",
        "sklearn.svm",
        "sklearn.naive_bayes",
        "sklearn.neural_network",
        "sklearn.discriminant_analysis",
        "sklearn.dummy",
        "sklearn.tree",
        "bakeoff.evaluation.jobs.warm_oven_with_tiny_evaluation:warm_up_sklearn",
    )
}


class BegunOven(NamedTuple):
    oven: Oven
    loads: Sequence[str]  #: the rest is said when it is finished


_started: list[BegunOven] = []  #: until the worker takes it over


def libraries(preload: Iterable[str]) -> list[str]:
    """The modules that an oven imports, in this order."""
    return [*_ALWAYS, *(part for name in preload for part in _PARTS.get(name, (name,)))]


def argument(root: Path, preload: Iterable[str] = USUAL) -> list[str]:
    return [OVEN_FIRST, json.dumps({"root": str(root), "preload": list(preload)})]


def start_first(arguments: list[str]) -> None:
    """Starts the oven that the arguments of this process name, and takes that out of them."""
    if OVEN_FIRST in arguments:
        place = arguments.index(OVEN_FIRST)
        order = json.loads(arguments[place + 1])
        _started.append(begin(Path(order["root"]), order["preload"]))
        del arguments[place : place + 2]


def take() -> BegunOven | None:
    """The one that is there already, once."""
    return _started.pop() if _started else None


def begin(root: Path, preload: Iterable[str]) -> BegunOven:
    loads = libraries(preload)
    return BegunOven(Oven.begin(preload=loads, import_path=import_path(root)), loads)
