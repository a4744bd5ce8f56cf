"""The registry of trained models: whether it opens, what is in it, and what was left over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli import project
from cli.examination import tracking
from cli.numbers import size
from config.loading import Configuration
from config.masking import masked
from domain.errors import InfrastructureError
from domain.naming import counted
from registry import opening
from store import models, schema
from store.schema import Branch
from tasks.examination.finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SUBJECT = "registry"


def registry(configuration: Configuration) -> Iterator[Finding]:
    backend = configuration.settings.model_registry.backend
    if backend == "mlflow":
        yield from tracking.tracking(configuration)
    elif backend == "local":
        yield _folder(configuration)
    else:
        yield ok(_SUBJECT, "none: modelRegistry.backend is none, so no model can be saved")


def _folder(configuration: Configuration) -> Finding:
    engine = opening.database(configuration)
    if engine is None:
        return ok(_SUBJECT, f"no model yet, the first save makes it: {configuration.registry_path}")
    try:
        found = schema.current(engine)
    except InfrastructureError as exc:
        cure = "put the folder back from a copy, or set modelRegistry.path to another one"
        return fail(_SUBJECT, masked(str(exc)), cure)
    if found in {None, Branch.REGISTRY.head}:
        return _content(configuration, engine)
    schema.refuse_the_unknown(str(engine.url), found, Branch.REGISTRY)
    said = f"{engine.url} has schema {found}, this version needs {Branch.REGISTRY.head}"
    return fail(_SUBJECT, said, "stop the workers, then `bakeoff db upgrade`")


def _content(configuration: Configuration, engine: "Engine") -> Finding:
    leftovers = project.local_registry(configuration).leftovers()
    held = models.tally(engine)
    said = (
        f"{counted(held.versions, 'version')} of {counted(held.names, 'model')}, {size(held.size_bytes)}, "
        f"in {configuration.registry_path}"
    )
    if not leftovers:
        return ok(_SUBJECT, said)
    cure = "`bakeoff registry gc` removes what killed savers left"
    return warn(_SUBJECT, f"{said}; {counted(len(leftovers), 'file')} left over", cure)
