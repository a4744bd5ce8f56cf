"""The registry that the configuration asks for. The only place that knows which backends there are."""

from typing import TYPE_CHECKING

from domain.errors import InvalidInputError

if TYPE_CHECKING:
    from config.loading import Configuration
    from registry.backend import BaseModelRegistry


def open_registry(configuration: "Configuration") -> "BaseModelRegistry":
    """It is made when nothing was ever saved in it; `has_registry` tells, for those who only look."""
    backend = configuration.settings.model_registry.backend
    if backend == "none":
        raise InvalidInputError(
            "there is no registry of trained models: modelRegistry.backend is none; set it to local or mlflow"
        )
    from registry.local import ModelRegistry

    return ModelRegistry(configuration.registry_path)


def has_registry(configuration: "Configuration") -> bool:
    """Whether anything can have been saved yet. Looking makes no file."""
    is_local = configuration.settings.model_registry.backend == "local"
    return not is_local or (configuration.registry_path / "registry.db").is_file()
