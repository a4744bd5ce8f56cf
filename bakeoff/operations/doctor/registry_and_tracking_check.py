"""The registry of trained models, and the MLflow that runs are logged to: whether they answer, what waits."""

import importlib.util
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bakeoff.domain import entry_points_of_installed_packages
from bakeoff.domain.entry_points_of_installed_packages import Extends
from bakeoff.domain.errors import BakeoffError, InfrastructureError
from bakeoff.domain.wording import counted, masked, size
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, fail, ok, warn
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs.results import tracking_rows
from bakeoff.store.database import schema_version
from bakeoff.store.database.schema_version import Branch
from bakeoff.store.models import version_rows
from registry.models import registry_opening
from registry.models.local.local_registry import ModelRegistry

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SUBJECT = "registry"
_TRACKING = "tracking"
_PATIENCE_S = 2


def check_registry(context: Context) -> Iterator[Diagnosis]:
    configuration = context.configuration
    backend = configuration.settings.model_registry.backend
    if backend == "mlflow":
        yield from _mlflow(configuration)
    elif backend == "local":
        yield _folder(configuration)
    elif backend != "none":
        yield _added(configuration, backend)
    else:
        yield ok(_SUBJECT, "none: modelRegistry.backend is none, so no model can be saved")


def _added(configuration: Configuration, backend: str) -> Diagnosis:
    """Checks a backend that an installed package adds: only whether it answers."""
    whose = f"{backend}, of {entry_points_of_installed_packages.whose(Extends.REGISTRIES, backend)}"
    try:
        registry_opening.open_registry(configuration).versions(limit=1)
    except Exception as exc:  # noqa: BLE001 - the package's own code; whatever it raises is the diagnosis
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


def check_tracking(context: Context) -> Iterator[Diagnosis]:
    """Nothing is said where runs are not logged to MLflow."""
    uri = context.configuration.logged_to
    if uri is None:
        return
    if importlib.util.find_spec("mlflow") is None:
        said = "runs are to be logged to MLflow, which is not installed"
        yield fail(_TRACKING, said, "pip install 'bakeoff[mlflow]'")
        return
    if uri.startswith(("http://", "https://")):
        yield _server(uri, _TRACKING, key="tracking.mlflow")
    else:
        yield ok(_TRACKING, f"runs are logged to MLflow in {masked(uri)}")
    if not context.has_database():
        return
    waiting = tracking_rows.waiting(context.engine)
    said = f"{counted(waiting.runs, 'run')} {'waits' if waiting.runs == 1 else 'wait'} to be logged"
    if waiting.failing:
        said = f"{said}: {waiting.error}"
        yield warn(_TRACKING, said, "mend that; workers try again, and `bakeoff track --waiting` does it now")
    elif waiting.runs:
        yield ok(_TRACKING, said)


def _mlflow(configuration: Configuration) -> Iterator[Diagnosis]:
    if importlib.util.find_spec("mlflow") is None:
        yield fail(
            _SUBJECT, "models are kept by MLflow, which is not installed", "pip install 'bakeoff[mlflow]'"
        )
        return
    for uri in dict.fromkeys([configuration.tracking_uri, configuration.registry_uri]):
        yield (
            _server(uri, _SUBJECT, key="modelRegistry.trackingUri")
            if uri.startswith(("http://", "https://"))
            else _database(configuration, uri)
        )


def _server(uri: str, subject: str, *, key: str) -> Diagnosis:
    """Checks an MLflow server by asking its version, which needs a login only if the server requires one."""
    parts = urlsplit(uri)
    # urllib would take a login in the address for a part of the name of the host.
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    try:
        with urllib.request.urlopen(f"{address}/version", timeout=_PATIENCE_S) as answer:  # noqa: S310 - http alone
            version = answer.read(100).decode(errors="replace")
    except urllib.error.HTTPError as exc:
        return ok(subject, f"{masked(uri)} answers: {exc.code} {exc.reason}")
    except (OSError, ValueError, HTTPException) as exc:
        return fail(
            subject,
            f"MLflow at {masked(uri)} does not answer: {exc}",
            f"start it, `mlflow server`, or correct {key}",
        )
    return ok(subject, f"MLflow {version} at {masked(uri)}")


def _database(configuration: Configuration, uri: str) -> Diagnosis:
    from registry.models import registry_opening

    if not registry_opening.has_registry(configuration):
        return ok(_SUBJECT, f"MLflow has no database yet, the first save makes it: {masked(uri)}")
    try:
        registry_opening.open_registry(configuration).versions(limit=1)
    except BakeoffError as exc:
        return fail(
            _SUBJECT, masked(str(exc)), "correct modelRegistry.trackingUri, or upgrade: `mlflow db upgrade`"
        )
    return ok(_SUBJECT, f"MLflow in {masked(uri)}")
