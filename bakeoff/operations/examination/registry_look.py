"""The registry of trained models: whether it opens, what is in it, and what was left over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bakeoff.domain import extensions
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.extensions import Extends
from bakeoff.domain.wording import counted, size
from bakeoff.operations.context import Context
from bakeoff.operations.examination import mlflow_look
from bakeoff.operations.examination.diagnosis import Diagnosis, fail, ok, warn
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.secret_masking import masked
from bakeoff.store.database import schema_version
from bakeoff.store.database.schema_version import Branch
from bakeoff.store.models import version_rows
from registry.models import registry_opening
from registry.models.local.local_registry import ModelRegistry

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SUBJECT = "registry"


def registry(context: Context) -> Iterator[Diagnosis]:
    configuration = context.configuration
    backend = configuration.settings.model_registry.backend
    if backend == "mlflow":
        yield from mlflow_look.tracking(configuration)
    elif backend == "local":
        yield _folder(configuration)
    elif backend != "none":
        yield _added(configuration, backend)
    else:
        yield ok(_SUBJECT, "none: modelRegistry.backend is none, so no model can be saved")


def _added(configuration: Configuration, backend: str) -> Diagnosis:
    """Of a backend that an installed package adds; only whether it answers."""
    whose = f"{backend}, of {extensions.whose(Extends.REGISTRIES, backend)}"
    try:
        registry_opening.open_registry(configuration).versions(limit=1)
    except Exception as exc:  # noqa: BLE001 - the package's own code; whatever it raises is what this look finds
        return fail(_SUBJECT, f"{whose}: {masked(str(exc))}", "mend the package, or choose another backend")
    return ok(_SUBJECT, f"{whose} answers")


def _folder(configuration: Configuration) -> Diagnosis:
    engine = registry_opening.database(configuration)
    if engine is None:
        return ok(_SUBJECT, f"no model yet, the first save makes it: {configuration.registry_path}")
    try:
        found = schema_version.current(engine)
    except InfrastructureError as exc:
        cure = "put the folder back from a copy, or set modelRegistry.path to another one"
        return fail(_SUBJECT, masked(str(exc)), cure)
    if found in {None, Branch.REGISTRY.head}:
        return _content(configuration, engine)
    schema_version.refuse_unknown(str(engine.url), found, Branch.REGISTRY)
    said = f"{engine.url} has schema {found}, this version needs {Branch.REGISTRY.head}"
    return fail(_SUBJECT, said, "stop the workers, then `bakeoff db upgrade`")


def _content(configuration: Configuration, engine: "Engine") -> Diagnosis:
    leftovers = ModelRegistry(configuration.registry_path).leftovers()
    held = version_rows.tally(engine)
    said = (
        f"{counted(held.versions, 'version')} of {counted(held.names, 'model')}, {size(held.size_bytes)}, "
        f"in {configuration.registry_path}"
    )
    if not leftovers:
        return ok(_SUBJECT, said)
    cure = "`bakeoff registry gc` removes what killed savers left"
    return warn(_SUBJECT, f"{said}; {counted(len(leftovers), 'file')} left over", cure)
