"""The registry that the configuration asks for. The only place that knows which backends there are."""

from typing import TYPE_CHECKING

from bakeoff.domain.errors import InvalidInputError
from registry.models.local.artefact_files import DATABASE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.settings.configuration import Configuration
    from registry.models.registry_interface import BaseModelRegistry


def open_registry(configuration: "Configuration") -> "BaseModelRegistry":
    """It is made when nothing was ever saved in it; `has_registry` tells, for those who only look."""
    backend = configuration.settings.model_registry.backend
    if backend == "none":
        raise InvalidInputError(
            "there is no registry of trained models: modelRegistry.backend is none; set it to local or mlflow"
        )
    if backend == "mlflow":
        from registry.models.mlflow.mlflow_registry import MLflowModelRegistry

        return MLflowModelRegistry(configuration.tracking_uri, configuration.registry_uri)
    from registry.models.local.local_registry import ModelRegistry

    return ModelRegistry(configuration.registry_path)


def database(configuration: "Configuration") -> "Engine | None":
    """Of the embedded registry, if it is used and there; to upgrade it, before anybody can open it."""
    from bakeoff.store.database.engine import open_registry_database

    is_local = configuration.settings.model_registry.backend == "local"
    file = configuration.registry_path / DATABASE
    return open_registry_database(file) if is_local and file.is_file() else None


def has_registry(configuration: "Configuration") -> bool:
    """Whether anything can have been saved yet. Looking makes no file."""
    if configuration.settings.model_registry.backend == "local":
        return (configuration.registry_path / DATABASE).is_file()
    return configuration.tracking_file is None or configuration.tracking_file.is_file()
