"""Calls of MLflow: the client is made at the first call, busy databases are retried, errors become ours.

The name of a model in MLflow is its own, with the characters escaped that MLflow refuses:

churn      churn
a/b        a%2Fb
..         %2E.
"""

import importlib.util
import logging
import os
import posixpath
import random
import re
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, TamperedError

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

    from registry.models.mlflow.mlflow_client_types import MLflowClient, MLflowPage

T = TypeVar("T")

_RETRY_FOR_S = 30.0
_FIRST_PAGE, _PAGE = 25, 800
_PASSWORD = re.compile(r"//[^/@\s]+@")
_COLLISIONS = ("IntegrityError", "Model Version creation error")

#: Variables that are set unless the user has set them: MLflow sends no telemetry and prints nothing, a server
#: that is down is noticed within seconds, and no connection is shared with a forked process.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}

#: Loggers that are silenced. The first logs a traceback each time that SQLite is busy; lasting errors are
#: raised anyway. The others warn of pickles at each save, which this registry verifies before it loads them.
_LOG_LEVELS = {
    "mlflow.store.db.utils": logging.CRITICAL,
    "mlflow.lightgbm": logging.ERROR,
    "mlflow.pytorch": logging.ERROR,
}


class AlreadyThereError(InfrastructureError):
    """MLflow has something of that name already."""


class NotThereError(InfrastructureError):
    """MLflow has nothing of that name."""


_KINDS = {"RESOURCE_ALREADY_EXISTS": AlreadyThereError, "RESOURCE_DOES_NOT_EXIST": NotThereError}


class MLflowServer:
    """One MLflow, a database or a server. Any number of threads and forked processes may use it at once."""

    def __init__(self, tracking_uri: str, registry_uri: str | None) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise InvalidInputError("MLflow is not installed: pip install 'bakeoff[mlflow]'")
        self.tracking_uri = tracking_uri
        self.registry_uri = registry_uri or tracking_uri
        _prepare_environment()

    @cached_property
    def client(self) -> "MLflowClient":
        from mlflow import MlflowClient

        client: MLflowClient = MlflowClient(self.tracking_uri, self.registry_uri)
        return client

    def call(self, request: "Callable[[MLflowClient], T]") -> T:
        """Makes a request and returns the answer. It is repeated while MLflow's database is busy.

        AlreadyThereError, NotThereError, or InfrastructureError for anything else that fails.
        """
        from mlflow.exceptions import MlflowException

        until = time.monotonic() + _RETRY_FOR_S
        while True:
            try:
                return request(self.client)
            except MlflowException as exc:
                if not _is_busy(exc) or time.monotonic() > until:
                    raise self._translated(exc) from exc
            except Exception as exc:  # MLflow's stores let through what their databases and networks raise
                raise self._error(f"{type(exc).__name__}: {exc}") from exc
            time.sleep(random.uniform(0.005, 0.1))  # noqa: S311 - a random pause, so that two processes that collided do not collide again

    def pages(self, search: "Callable[[MLflowClient, int, str | None], MLflowPage[T]]") -> Iterator[T]:
        """Yields the items of a search. `search` is given the size and the token of the page to fetch.

        A page is fetched when its items are read. The first ones are small: most callers read a few items.
        """
        token: str | None = None
        size = _FIRST_PAGE
        while token != "":
            page = self._page(search, size, token)
            yield from page
            token, size = page.token or "", min(size * 4, _PAGE)

    def _page(
        self, search: "Callable[[MLflowClient, int, str | None], MLflowPage[T]]", size: int, token: str | None
    ) -> "MLflowPage[T]":
        return self.call(lambda client: search(client, size, token))

    def download(self, uri: str, folder: Path) -> None:
        """Copies the files to the folder. TamperedError if they are not where they were stored."""
        try:
            self._artifacts(uri).download_artifacts("", str(folder))
        except Exception as exc:  # each kind of artifact store has errors of its own
            raise _unreadable(uri, exc) from exc

    def delete_files(self, uri: str) -> None:
        try:
            self._artifacts(uri).delete_artifacts()
        except Exception as exc:  # each kind of artifact store has errors of its own
            raise InfrastructureError(f"{uri} cannot be deleted: {exc}") from exc

    def _artifacts(self, uri: str) -> "ArtifactRepository":
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, self.tracking_uri, self.registry_uri)

    def _translated(self, exc: "MlflowException") -> InfrastructureError:
        if why := _why_unreachable(exc):
            return self._error(f"it cannot be reached ({why}): start it, or correct its address")
        return self._error(str(exc), _KINDS.get(exc.error_code, InfrastructureError))

    def _error(
        self, message: str, kind: type[InfrastructureError] = InfrastructureError
    ) -> InfrastructureError:
        first_line = message.strip().partition("\n")[0]
        return kind(_PASSWORD.sub("//***@", f"MLflow at {self.tracking_uri}: {first_line}"))


def _prepare_environment() -> None:
    """MLflow reads these variables when it is imported, so they are set before."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name, level in _LOG_LEVELS.items():
        logging.getLogger(name).setLevel(level)


def _why_unreachable(exc: BaseException) -> str:
    """What ended the connection, which MLflow and its libraries wrap several times; empty if nothing did."""
    import requests

    inner = exc.__cause__ or exc.__context__
    if not isinstance(inner, requests.ConnectionError | requests.Timeout):
        return ""
    while (below := inner.__cause__ or inner.__context__) is not None:
        inner = below
    return str(inner)


def _unreadable(uri: str, exc: Exception) -> InfrastructureError:
    import requests

    if isinstance(exc, requests.ConnectionError | requests.Timeout | ConnectionError | TimeoutError):
        return InfrastructureError(f"{uri} cannot be reached: {exc}")
    return TamperedError(f"{uri} cannot be read ({exc}): put it back from a copy, or delete the version")


def _is_busy(exc: "MlflowException") -> bool:
    """Whether another process wrote at the same time, so that the call had no effect and can be repeated."""
    if exc.error_code in _KINDS:
        return False
    return exc.error_code == "TEMPORARILY_UNAVAILABLE" or any(text in str(exc) for text in _COLLISIONS)


_LONGEST_KEY = 250
_KEY = re.compile(rf"[\w.\- :/]{{1,{_LONGEST_KEY}}}")
_REFUSED = re.compile(r"[%/:?;#'\"`\\\x00-\x1f\x7f]|^\.")


def to_mlflow(name: str) -> str:
    return _REFUSED.sub(lambda found: f"%{ord(found[0]):02X}", name)


def from_mlflow(name: str) -> str:
    return unquote(name)


def is_key(text: str) -> bool:
    """Whether MLflow accepts it as the name of a parameter, a metric or a tag."""
    return _KEY.fullmatch(text) is not None and posixpath.normpath(text) == text and text[0] not in "./"


def to_key(text: str) -> str:
    return text if is_key(text) else re.sub(r"[^\w. -]", "_", text)[:_LONGEST_KEY].lstrip(".") or "_"
