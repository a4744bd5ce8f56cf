"""What a client may ask for: the one check of requests that arrive over HTTP or as a Celery message.

A client is not the operator. It names datasets and functions that the configuration names, and no others:
else it could have any file of this machine read, or any code run. What it may decide besides are its rights.
Over HTTP they follow from its role; who can send messages by Celery has those in `celeryClientsMay`.

Commands, schedules and Python code of the project do not pass here: they are the operator's own.
"""

from collections.abc import Collection

from bakeoff.domain.errors import ForbiddenError, InvalidInputError, in_field
from bakeoff.domain.metric_names_and_scoring_rules import is_custom
from bakeoff.domain.wording import cut, listed, nearest, quoted
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.signals.signal_run_plan import SignalBody
from bakeoff.settings.setting_definitions import ClientRight, Settings


def check_run_request(body: RunSpec, settings: Settings, rights: Collection[ClientRight]) -> None:
    """ForbiddenError: the client has no right to this. InvalidInputError: it may not use this name."""
    _check_saving(body, rights)
    _check_priority(body, rights)
    _check_grid(body)
    _check_searches(body)
    _check_dataset(body.dataset, settings)
    _check_metrics(body.metrics or [], settings.metrics or [])


def check_signal_request(body: SignalBody, rights: Collection[ClientRight]) -> None:
    _check_priority(body, rights)


def _check_saving(body: RunSpec, rights: Collection[ClientRight]) -> None:
    """Not everybody says what is saved, because a saved model may be promoted to Production."""
    if ClientRight.SAVE in rights:
        return
    for field, given in (("save", body.save), ("saveAs", body.save_as)):
        if given is not None:
            raise ForbiddenError(
                f"{field} is {cut(given, 100)}, and this client may not say what is saved: leave it out, and "
                "the configuration decides; over HTTP it takes the role admin, by Celery `save` in "
                "celeryClientsMay"
            ).with_field(field)


def _check_priority(body: RunSpec | SignalBody, rights: Collection[ClientRight]) -> None:
    if body.priority and ClientRight.PRIORITY not in rights:
        raise ForbiddenError(
            f"priority is {body.priority}, and this client may not change the order of the queue: leave it "
            "out; by Celery it takes `priority` in celeryClientsMay"
        ).with_field("priority")


def _check_grid(body: RunSpec) -> None:
    """Parameters of a constructor may be paths or names of anything: the operator alone sets them."""
    if body.grid is not None:
        raise ForbiddenError(
            "grid sets parameters of candidates, which a client may not: leave it out; a candidate of the "
            "catalog may have a grid, and its name means all members"
        ).with_field("grid")


def _check_searches(body: RunSpec) -> None:
    """A text may be a path, and a mapping may name a class: of these, too, the operator alone decides."""
    for model_id, search in (body.tune or {}).items():
        for name, values in search.params.items():
            # A range has numbers for its ends, whoever asks for it.
            tried = values if isinstance(values, list) else []
            odd = [value for value in tried if not isinstance(value, int | float | None)]
            if odd:
                raise ForbiddenError(
                    f"tune lets {quoted(model_id)} try {quoted(odd[0])} for {quoted(name)}, and a client may "
                    "search numbers, true, false and null alone: leave it out, or search it by `tune` in the "
                    "catalog"
                ).with_field("tune")


def _check_dataset(name: str, settings: Settings) -> None:
    known = sorted(settings.datasets)
    if name not in known:
        cure = nearest(name, known) or f"; there are {listed(known)}"
        raise InvalidInputError(f"there is no dataset {quoted(name)} in the configuration{cure}").with_field(
            "dataset"
        )


def _check_metrics(names: Collection[str], allowed: Collection[str]) -> None:
    for place, name in enumerate(names):
        with in_field(f"metrics.{place}"):
            if is_custom(name) and name not in allowed:
                raise InvalidInputError(
                    f"the metric {quoted(name)} runs code: for a client it must stand in the "
                    "configuration, too, under `metrics`"
                )
