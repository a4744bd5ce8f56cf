"""Reads the settings from the command line, the environment, the file and the defaults, in this order.

No other package reads settings: a `Configuration` is made once and passed down.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError
from bakeoff.settings import FILE_VARIABLE, environment_variables
from bakeoff.settings.environment_variables import variable_of
from bakeoff.settings.setting_checks import KEYS, SettingOrigin, check_named_sections, checked_settings
from bakeoff.settings.setting_definitions import DatasetSettings, Settings
from bakeoff.settings.yaml_with_lines import YamlFile, describe

DEFAULT_FILE = Path("config/bakeoff.yaml")
CATALOG_FILE = Path("config/models.yaml")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The settings, where each was found, and the paths that follow from them."""

    settings: Settings
    root: Path  #: the folder above config/: relative paths start here, and plugins are imported from here
    file: Path | None  #: None when there is no file
    origins: Mapping[str, SettingOrigin]  #: by key, as in the file
    token_digest: str | None = None  #: SHA-256 of the token that the environment gives the HTTP API

    @cached_property
    def data_dir(self) -> Path:
        return (self.root / self.settings.data_dir).resolve()

    @cached_property
    def shared_dir(self) -> Path:
        given = self.settings.shared_dir
        return self.data_dir if given is None else (self.root / given).resolve()

    def require_project(self) -> None:
        """Raises an error if nothing says that there is a project: a folder would be filled by mistake.

        A configuration file says so, or a catalog, or a setting in the environment, as in a container.
        """
        if self.file or self.catalog_file.is_file() or SettingOrigin.ENVIRONMENT in self.origins.values():
            return
        raise NotFoundError(
            f"there is no project in {self.root}: neither it nor a folder above it has a file "
            f"{DEFAULT_FILE}; `bakeoff init` makes a project here, and --config or {FILE_VARIABLE} names one "
            "elsewhere"
        )

    def require_shared_dir(self) -> None:
        """Raises an error if sharedDir is set and missing. It is not created: a mount may be missing."""
        if self.settings.shared_dir is not None and not self.shared_dir.is_dir():
            raise InfrastructureError(
                f"there is no folder {self.shared_dir}: mount it, or make it, or correct sharedDir"
            )

    @property
    def catalog_file(self) -> Path:
        return self.file.parent / CATALOG_FILE.name if self.file else self.root / CATALOG_FILE

    @property
    def copies(self) -> Path:
        """The folder for copies of saved models, which exist as long as the cells that load them."""
        return self.data_dir / "copies"

    @property
    def snapshots(self) -> Path:
        return self.shared_dir / "snapshots"

    @property
    def registry_path(self) -> Path:
        """The folder of the embedded registry of trained models."""
        path = self.settings.model_registry.path
        return self.data_dir / "models" / "registry" if path is None else (self.root / path).resolve()

    @property
    def predictions(self) -> Path:
        """The folder of predictions, with a folder for each run."""
        return self.shared_dir / "predictions"

    @property
    def fitted(self) -> Path:
        """The folder of fitted models that are to be saved, with a folder for each run."""
        return self.shared_dir / "fitted"

    @property
    def logs(self) -> Path:
        """The folder of logs, with a folder for each run, and the logs of workers."""
        return self.data_dir / "logs"

    @property
    def backups(self) -> Path:
        return self.data_dir / "backups"

    @cached_property
    def database_url(self) -> str:
        return self._absolute(self.settings.database_url)

    @property
    def tracking_uri(self) -> str:
        """The tracking URI of MLflow; empty if it is not used."""
        return self._absolute(self.settings.model_registry.tracking_uri or "")

    @property
    def tracking_file(self) -> Path | None:
        """The SQLite file of MLflow; None if MLflow is not used, or is a server."""
        return _file_of(self.tracking_uri)

    @property
    def logged_to(self) -> str | None:
        """The URI of the MLflow that runs are logged to; None: they are not."""
        tracking = self.settings.tracking
        return None if tracking is None else self._absolute(tracking.mlflow)

    @property
    def registry_uri(self) -> str:
        """The URI of MLflow's model registry; the same as `tracking_uri` unless it is set."""
        return self._absolute(self.settings.model_registry.registry_uri or "") or self.tracking_uri

    def _absolute(self, url: str) -> str:
        """The URL; that of an SQLite file with an absolute path."""
        scheme, slashes, path = url.partition(":///")
        if not scheme.startswith("sqlite") or path in {"", ":memory:"}:
            return url
        return scheme + slashes + str((self.root / path).resolve())

    @property
    def database_file(self) -> Path | None:
        """The SQLite file of the runs; None when the database is on a server."""
        scheme, _, path = self.database_url.partition(":///")
        return Path(path) if scheme.startswith("sqlite") else None

    @property
    def written(self) -> tuple[Path, ...]:
        """The folders that grow with each run."""
        database = [self.database_file.parent] if self.database_file else []
        return (self.data_dir, self.snapshots, self.predictions, self.logs, self.registry_path, *database)

    def files_of(self, dataset: DatasetSettings) -> tuple[str, ...]:
        """The files that a dataset is read from, absolute."""
        return tuple(str((self.root / name).resolve()) for name in (dataset.path, dataset.test_path) if name)

    @property
    def market_files(self) -> list[Path]:
        market = self.settings.market
        tables = market.tables.values() if market else ()
        return [(self.root / table.path).resolve() for table in tables if table.path]

    @property
    def tokens_file(self) -> Path:
        named = self.settings.api_tokens_file
        return self.data_dir / "api-tokens" if named is None else (self.root / named).resolve()

    @property
    def pages_secret_file(self) -> Path:
        """What the cookies of the pages are signed with."""
        return self.data_dir / "web" / "secret"

    @cached_property
    def secrets(self) -> tuple[Path, ...]:
        """What no plugin may open: the data folders, the configuration, and the files of datasets."""
        datasets = self.settings.datasets.values()
        files = [Path(file) for dataset in datasets for file in self.files_of(dataset)] + self.market_files
        return (*self.own_files, *files)

    @property
    def own_files(self) -> tuple[Path, ...]:
        """What no function of a dataset may open, either, whatever it reads besides."""
        ours = [self.data_dir, self.shared_dir, self.registry_path, self.tokens_file]
        ours += [self.file] if self.file else []
        for mlflow in filter(None, [self.tracking_file, _file_of(self.logged_to or "")]):
            ours += [mlflow, mlflow.parent / "mlartifacts"]
        return tuple(ours)

    @property
    def worker_log(self) -> Path:
        """The log of a worker that was started for one run."""
        return self.logs / "worker.log"

    @property
    def flags(self) -> dict[str, Any]:
        """The settings of the command line, by key."""
        values = self.settings.model_dump(mode="json", by_alias=True)
        return {
            key: values[key] for key, origin in self.origins.items() if origin is SettingOrigin.COMMAND_LINE
        }

    def as_environment(self) -> dict[str, str]:
        """Environment variables by which a process that we start has the same file and flags."""
        flags = {
            variable_of(KEYS[key]): value if isinstance(value, str) else json.dumps(value)
            for key, value in self.flags.items()
        }
        return flags | ({FILE_VARIABLE: str(self.file)} if self.file else {})

    def log_of(self, run_id: str, job_id: str) -> Path:
        return self.logs / run_id / f"{job_id}.log"

    def predictions_of(self, run_id: str, job_id: str) -> Path:
        return self.predictions / run_id / f"{job_id}.npy"

    def fitted_of(self, run_id: str, job_id: str) -> Path:
        """The folder of the fitted models of this job, with a file for each attempt."""
        return self.fitted / run_id / job_id


def _file_of(uri: str) -> Path | None:
    scheme, _, path = uri.partition(":///")
    return Path(path) if scheme == "sqlite" and path else None


def load(
    path: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """The configuration of this process. `overrides` come from the command line, by camelCase key.

    Without a path, the project is that of the current folder, or of the nearest folder above it.
    """
    environment = os.environ if environment is None else environment
    file, root = _find(path, environment)
    document = YamlFile(file) if file else None
    in_file = _values_in(document) if document else {}
    layers = {
        # What only repeats the file, as the port that `up` hands to its services, comes from there.
        SettingOrigin.COMMAND_LINE: {
            k: v
            for k, v in (overrides or {}).items()
            if v is not None and not (k in in_file and in_file[k] == v)
        },
        SettingOrigin.ENVIRONMENT: environment_variables.settings_in(environment),
        SettingOrigin.FILE: in_file,
    }
    origins = {
        key: next((origin for origin, values in layers.items() if key in values), SettingOrigin.DEFAULT)
        for key in KEYS
    }
    merged = (
        layers[SettingOrigin.FILE] | layers[SettingOrigin.ENVIRONMENT] | layers[SettingOrigin.COMMAND_LINE]
    )
    configuration = Configuration(
        settings=checked_settings(merged, origins, document),
        root=root,
        file=file,
        origins=origins,
        token_digest=environment_variables.token_digest_in(environment),
    )
    _require_readable_project(configuration)
    check_named_sections(configuration.settings)
    return configuration


def _require_readable_project(configuration: Configuration) -> None:
    root = configuration.root.resolve()
    for key, folder in (("dataDir", configuration.data_dir), ("sharedDir", configuration.shared_dir)):
        if root.is_relative_to(folder):
            raise InvalidInputError(
                f"{key} is {folder}, and the project {root} lies in it: candidates may not read what is "
                f"there, their own code neither; name a folder of its own"
            )


def _find(path: Path | None, environment: Mapping[str, str]) -> tuple[Path | None, Path]:
    """The configuration file, if there is one, and the root."""
    given = path or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    if given is None:
        root = _project_around(Path.cwd())
        return root / DEFAULT_FILE if (root / DEFAULT_FILE).is_file() else None, root
    file = given / DEFAULT_FILE.name if given.is_dir() else given
    if not file.is_file():
        raise InvalidInputError(
            f"there is no configuration file {file}: give --config or {FILE_VARIABLE} an existing file, "
            f"or make one with `bakeoff init`"
        )
    # Only the folder is resolved: a mounted file may be a link to elsewhere.
    found = file.parent.resolve() / file.name
    return found, found.parent.parent


def _project_around(folder: Path) -> Path:
    """The folder, or the nearest one above it, that has a configuration file or a catalog; else the folder.

    A file above it counts only if this user or root wrote it: in a folder that all may write to, such as
    /tmp, anybody could leave a project whose code would then be run.
    """
    for root in (folder, *folder.parents):
        found = [root / name for name in (DEFAULT_FILE, CATALOG_FILE) if (root / name).is_file()]
        if found and (root == folder or all(_is_ours(file) for file in found)):
            return root
    return folder


def _is_ours(file: Path) -> bool:
    return file.stat().st_uid in {os.geteuid(), 0}


def _values_in(document: YamlFile) -> dict[str, Any]:
    values = document.values()
    if values is not None and not isinstance(values, dict):
        found = describe(document.root)
        raise InvalidInputError(f"{document.file} must hold `key: value` lines, but it holds {found}")
    return values or {}
