"""MLflow, where it keeps the registry of trained models: whether it is installed, and answers."""

import importlib.util
import urllib.error
import urllib.request
from collections.abc import Iterator

from bakeoff.domain.errors import BakeoffError
from bakeoff.operations.examination.diagnosis import Diagnosis, fail, ok
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.secret_masking import masked

_SUBJECT = "registry"
_PATIENCE_S = 2
_NO_SERVER = "start it, `mlflow server`, or correct modelRegistry.trackingUri"


def tracking(configuration: Configuration) -> Iterator[Diagnosis]:
    if importlib.util.find_spec("mlflow") is None:
        yield fail(
            _SUBJECT, "models are kept by MLflow, which is not installed", "pip install 'bakeoff[mlflow]'"
        )
        return
    for uri in dict.fromkeys([configuration.tracking_uri, configuration.registry_uri]):
        yield _server(uri) if uri.startswith(("http://", "https://")) else _database(configuration, uri)


def _server(uri: str) -> Diagnosis:
    """It says its version to anybody, unless it asks who wants to know."""
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/version", timeout=_PATIENCE_S) as answer:  # noqa: S310 - http alone
            version = answer.read(100).decode(errors="replace")
    except urllib.error.HTTPError as exc:
        return ok(_SUBJECT, f"{masked(uri)} answers: {exc.code} {exc.reason}")
    except (OSError, ValueError) as exc:
        return fail(_SUBJECT, f"MLflow at {masked(uri)} does not answer: {exc}", _NO_SERVER)
    return ok(_SUBJECT, f"MLflow {version} at {masked(uri)}")


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
