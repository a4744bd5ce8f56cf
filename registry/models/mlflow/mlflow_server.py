"""The way to MLflow: opened when it is first asked, asked patiently, its refusals told in our words."""

import importlib.util
import logging
import os
import random
import re
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, TamperedError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

_PATIENCE_S = 30.0
_FIRST_PAGE, _PAGE = 25, 800
_PASSWORD = re.compile(r"//[^/@\s]+@")
_COLLISIONS = ("IntegrityError", "Model Version creation error")

#: Set unless somebody has set it: nothing calls out, nothing is printed, a server that is gone is noticed in
#: seconds, and no connection is shared with a fork.
_HABITS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}

#: The first has a traceback for each time that SQLite was busy: what is final is raised. The others warn of
#: pickles at each save: they are verified here before they are loaded.
_LOGGERS = {
    "mlflow.store.db.utils": logging.CRITICAL,
    "mlflow.lightgbm": logging.ERROR,
    "mlflow.pytorch": logging.ERROR,
}


class AlreadyThereError(InfrastructureError):
    """MLflow has something of that name."""


class NotThereError(InfrastructureError):
    """MLflow has nothing of that name."""


_KINDS = {"RESOURCE_ALREADY_EXISTS": AlreadyThereError, "RESOURCE_DOES_NOT_EXIST": NotThereError}


class MLflowServer:
    """One MLflow, a database or a server. Any number of threads and forks may ask it at once."""

    def __init__(self, tracking_uri: str, registry_uri: str | None) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise InvalidInputError("MLflow is not installed: pip install 'bakeoff[mlflow]'")
        self.tracking_uri = tracking_uri
        self.registry_uri = registry_uri or tracking_uri
        _settle_habits()

    @cached_property
    def client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(self.tracking_uri, self.registry_uri)

    def ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What this method of MLflow's client answers; again and again while its database is busy."""
        from mlflow.exceptions import MlflowException

        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return getattr(self.client, method)(*args, **kwargs)
            except MlflowException as exc:
                if not _is_busy(exc) or time.monotonic() > until:
                    raise self._in_our_words(exc) from exc
            except Exception as exc:  # its stores raise whatever their databases and networks raise
                raise self._error(f"{type(exc).__name__}: {exc}") from exc
            time.sleep(random.uniform(0.005, 0.1))  # noqa: S311 - so that those who met part

    def pages(self, method: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """All that there is, as far as somebody reads: most read the first few."""
        token: str | None = None
        size = _FIRST_PAGE
        while token != "":
            page = self.ask(method, *args, **kwargs, max_results=size, page_token=token)
            yield from page
            token, size = page.token or "", min(size * 4, _PAGE)

    def download(self, uri: str, folder: Path) -> None:
        """A copy, which nobody else writes to. TamperedError for what is not where it was put."""
        try:
            self._files(uri).download_artifacts("", str(folder))
        except Exception as exc:  # each store has errors of its own
            raise _unreadable(uri, exc) from exc

    def delete_files(self, uri: str) -> None:
        try:
            self._files(uri).delete_artifacts()
        except Exception as exc:  # each store has errors of its own
            raise InfrastructureError(f"{uri} cannot be deleted: {exc}") from exc

    def _files(self, uri: str) -> "ArtifactRepository":
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, self.tracking_uri, self.registry_uri)

    def _in_our_words(self, exc: "MlflowException") -> InfrastructureError:
        return self._error(
            str(exc).strip().partition("\n")[0], _KINDS.get(exc.error_code, InfrastructureError)
        )

    def _error(self, said: str, kind: type[InfrastructureError] = InfrastructureError) -> InfrastructureError:
        first = said.strip().partition("\n")[0]
        return kind(_PASSWORD.sub("//***@", f"MLflow at {self.tracking_uri}: {first}"))


def _settle_habits() -> None:
    """Before it is imported."""
    for name, value in _HABITS.items():
        os.environ.setdefault(name, value)
    for name, level in _LOGGERS.items():
        logging.getLogger(name).setLevel(level)


def _unreadable(uri: str, exc: Exception) -> InfrastructureError:
    import requests

    if isinstance(exc, requests.ConnectionError | requests.Timeout | ConnectionError | TimeoutError):
        return InfrastructureError(f"{uri} cannot be reached: {exc}")
    return TamperedError(f"{uri} cannot be read ({exc}): put it back from a copy, or delete the version")


def _is_busy(exc: "MlflowException") -> bool:
    """Somebody else wrote at the same time; nothing came of the call."""
    if exc.error_code in _KINDS:
        return False
    return exc.error_code == "TEMPORARILY_UNAVAILABLE" or any(text in str(exc) for text in _COLLISIONS)
