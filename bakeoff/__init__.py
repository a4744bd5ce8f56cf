"""Distributed bake-offs for machine-learning models. The names are imported when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.inference import EnsembleService, ModelPredictor
    from bakeoff.notebook.bakeoff_run import BakeoffRun
    from bakeoff.notebook.candidates.candidate_grid import grid
    from bakeoff.notebook.candidates.tuned_candidate import tuned
    from bakeoff.notebook.compare_call import compare
    from bakeoff.notebook.configured_project import Project, notebook_project, project, run
    from bakeoff.notebook.results.bakeoff_result import BakeoffResult

__all__ = [
    "BakeoffResult",
    "BakeoffRun",
    "EnsembleService",
    "ModelPredictor",
    "Project",
    "compare",
    "grid",
    "notebook_project",
    "project",
    "run",
    "tuned",
]

_HOMES = {
    "BakeoffResult": "bakeoff.notebook.results.bakeoff_result",
    "BakeoffRun": "bakeoff.notebook.bakeoff_run",
    "EnsembleService": "bakeoff.inference",
    "ModelPredictor": "bakeoff.inference",
    "Project": "bakeoff.notebook.configured_project",
    "compare": "bakeoff.notebook.compare_call",
    "grid": "bakeoff.notebook.candidates.candidate_grid",
    "notebook_project": "bakeoff.notebook.configured_project",
    "project": "bakeoff.notebook.configured_project",
    "run": "bakeoff.notebook.configured_project",
    "tuned": "bakeoff.notebook.candidates.tuned_candidate",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
