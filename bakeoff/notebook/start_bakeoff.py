"""Turns the arguments of `bakeoff.compare` and `Project.run` into a request, and starts the run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest, quoted
from bakeoff.notebook.bakeoff_run import BakeoffRun
from bakeoff.notebook.call_option_types import Metrics, OnInterrupt, Save
from bakeoff.notebook.candidates.notebook_code_as_modules import write_module
from bakeoff.notebook.candidates.write_estimator_as_data import write_function
from bakeoff.notebook.errors_in_python_words import COLUMNS, DESIGN, in_names_of_python
from bakeoff.notebook.results.bakeoff_result import planned

if TYPE_CHECKING:
    from bakeoff.notebook.given_data import GivenData
    from bakeoff.notebook.project_session import ProjectSession

_LEAST_MEMORY_MB = 16
#: Named here so that a mistyped one is recognised.
_OTHERS = ("timeout", "memory_mb", "workers", "progress", "on_interrupt", "wait", "task")


def start_bakeoff(
    session: "ProjectSession",
    candidates: Any,
    *,
    data: "GivenData | None",
    beside: Mapping[str, Any],
    metrics: Metrics = None,
    save: Save = None,
    timeout: float | None = None,
    memory_mb: int | None = None,
    progress: bool | None = None,
    on_interrupt: OnInterrupt = "cancel",
    **options: Any,
) -> BakeoffRun:
    """`beside`: names of columns by what they are for; `options`: fields of a request; None: not given."""
    if timeout is not None and not timeout > 0:
        raise InvalidInputError(f"timeout is {timeout!r}: the seconds that one candidate may take, above 0")
    if memory_mb is not None and not (type(memory_mb) is int and memory_mb >= _LEAST_MEMORY_MB):
        raise InvalidInputError(
            f"memory_mb is {memory_mb!r}: a whole number of megabytes, {_LEAST_MEMORY_MB} at least"
        )
    if on_interrupt not in {"cancel", "detach"}:
        raise InvalidInputError(f"on_interrupt is {on_interrupt!r}: give 'cancel' or 'detach'")
    _refuse_unknown(options)
    given = {key: value for key, value in options.items() if value is not None}
    design = {to_camel(key): given.pop(key) for key in DESIGN if key in given}
    design |= {key: beside[what] for what, key in COLUMNS.items() if beside.get(what) is not None}
    body = {to_camel(key): value for key, value in given.items()} | ({"design": design} if design else {})
    names = _metric_names(metrics, session)
    if names is not None:
        body["metrics"] = names
    if save is not None:
        body["save"] = {True: "best", False: "none"}.get(save, save) if isinstance(save, bool) else save
    written = {str(data.path): "X"} if data is not None and not data.is_of_user else {}
    with in_names_of_python(written):
        begun = session.start(candidates, data=data, body=body, timeout_s=timeout, memory_mb=memory_mb)
    return BakeoffRun(
        session,
        begun.run_id,
        plan=planned(begun.prospects),
        progress=progress,
        on_interrupt=on_interrupt,
    )


#: Options by the names that scikit-learn gives them.
_CALLED_ELSEWHERE = {
    "cv": "folds",
    "n_splits": "folds",
    "scoring": "metrics",
    "n_jobs": "workers",
    "random_state": "seed",
    "sample_weight": "weights",
    "pos_label": "positive_label",
}


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    from bakeoff.evaluation.planning.declared_run_options import RunSpec

    known = {*RunSpec.model_fields, *DESIGN, *COLUMNS, *_OTHERS} - {"design", "target", "models"}
    for name in options:
        if name not in known:
            if name in _CALLED_ELSEWHERE:
                cure = f": here it is {_CALLED_ELSEWHERE[name]}"
            else:
                cure = nearest(name, known) or f"; there are {listed(sorted(known))}"
            raise InvalidInputError(f"there is no option {name!r}{cure}")


def _metric_names(metrics: Metrics, session: "ProjectSession") -> list[str] | None:
    if metrics is None:
        return None
    several = list(metrics) if isinstance(metrics, Sequence) and not isinstance(metrics, str) else [metrics]
    return [_metric_name(one, session) for one in several]


def _metric_name(metric: Any, session: "ProjectSession") -> str:
    if isinstance(metric, str):
        return metric
    if callable(metric):
        return write_function(metric, lambda thing: write_module(thing, root=session.configuration.root))
    raise InvalidInputError(f"{quoted(metric)} is no metric: give names, or functions f(y_true, y_pred)")
