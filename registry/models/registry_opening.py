"""Opens the registry that the configuration names. The only module that knows which backends there are.

An installed package adds one by an entry point in the group `bakeoff.registries`:

    [project.entry-points."bakeoff.registries"]
    vault = "vault_registry:open_vault"

It names a factory, called as `open_vault(settings, root)`, that returns a `BaseModelRegistry`, whose
docstring says what a backend promises. The obligations of the factory:

- `settings` is the section `modelRegistry` of the configuration; `settings.options` is a mapping of the
  backend's own settings. `root` is the folder that relative paths start from.
- It is called by each command and often by services: it is quick, and opens connections when they are needed.
- It runs in our processes, unconfined, and so is trusted like Bakeoff itself.
- It creates its storage when there is none; whatever it raises is shown with the name of the package.
"""

from typing import TYPE_CHECKING

from bakeoff.domain import entry_points_of_installed_packages
from bakeoff.domain.entry_points_of_installed_packages import Extends
from bakeoff.domain.errors import BakeoffError, InfrastructureError, InvalidInputError
from registry.models.local.artefact_files import DATABASE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.settings.configuration import Configuration
    from registry.models.registry_interface import BaseModelRegistry


def open_registry(configuration: "Configuration") -> "BaseModelRegistry":
    """Opens the registry, and creates it if there is none. `has_registry` tells that without creating it."""
    settings = configuration.settings.model_registry
    if settings.backend == "none":
        raise InvalidInputError(
            "there is no registry of trained models: modelRegistry.backend is none; set it to local or mlflow"
        )
    if settings.backend == "mlflow":
        from registry.models.mlflow.mlflow_registry import MLflowModelRegistry

        return MLflowModelRegistry(configuration.tracking_uri, configuration.registry_uri)
    if settings.is_added:
        return _open_added(configuration)
    from registry.models.local.local_registry import ModelRegistry

    return ModelRegistry(configuration.registry_path)


def _open_added(configuration: "Configuration") -> "BaseModelRegistry":
    from registry.models.registry_interface import BaseModelRegistry

    settings = configuration.settings.model_registry
    backend = settings.backend
    factory = entry_points_of_installed_packages.load(Extends.REGISTRIES, backend)
    owner = entry_points_of_installed_packages.whose(Extends.REGISTRIES, backend)
    whose = f"the registry backend {backend!r} of {owner}"
    try:
        registry = factory(settings, configuration.root)
    except BakeoffError:
        raise
    except Exception as exc:  # the package's own code, which may raise anything
        raise InfrastructureError(f"{whose} cannot be opened: {type(exc).__name__}: {exc}") from exc
    if not isinstance(registry, BaseModelRegistry):
        raise InvalidInputError(
            f"{whose} is of type {type(registry).__name__}: expected a registry.BaseModelRegistry"
        )
    return registry


def database(configuration: "Configuration") -> "Engine | None":
    """The database of the embedded registry, for upgrades; None if it is not used or does not exist yet."""
    from bakeoff.store.database.engine_and_transactions import open_registry_database

    is_local = configuration.settings.model_registry.backend == "local"
    file = configuration.registry_path / DATABASE
    return open_registry_database(file) if is_local and file.is_file() else None


def has_registry(configuration: "Configuration") -> bool:
    """Whether anything can have been saved yet. This creates no file."""
    settings = configuration.settings.model_registry
    if settings.backend == "local":
        return (configuration.registry_path / DATABASE).is_file()
    if settings.is_added:
        return True  # only the package of the backend knows
    return configuration.tracking_file is None or configuration.tracking_file.is_file()
