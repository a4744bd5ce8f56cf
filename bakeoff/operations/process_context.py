"""What this process works with: its configuration, and what is made of it. The only place that wires."""

from functools import cache
from typing import TYPE_CHECKING

from bakeoff.settings.configuration import Configuration, load
from registry.catalog.live_catalog import Catalog

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.evaluation.datasets.pinning import PinCache
    from bakeoff.store.bakeoffs.leases import Caps

_chosen: list[Configuration] = []


def use(configuration: Configuration) -> None:
    """Called once, before anything is wired: by the command line with its flags, and by tests."""
    _chosen[:] = [configuration]


def configuration() -> Configuration:
    return _chosen[0] if _chosen else _found()


@cache
def _found() -> Configuration:
    return load()


def engine() -> "Engine":
    from bakeoff.store.database.engine import open_database

    return open_database(configuration().database_url)


def has_database() -> bool:
    """Whether anything was ever run here. Looking makes no file."""
    from bakeoff.store.database import schema_version

    file = configuration().database_file
    if file is not None and not file.is_file():
        return False
    return schema_version.current(engine()) is not None


def caps() -> "Caps":
    """They may be others the next time."""
    from bakeoff.operations.evaluation_caps import present

    return present(configuration().settings)


@cache
def catalog() -> Catalog:
    """Loaded once; why candidates were rejected is written down."""
    loaded = Catalog.of(configuration())
    _write_down_rejections(loaded)
    return loaded


def reload_catalog() -> None:
    catalog().reload()
    _write_down_rejections(catalog())


def _write_down_rejections(loaded: Catalog) -> None:
    from bakeoff.store.bakeoffs import rejections

    rejections.record(engine(), list(loaded.rejected.values()))


@cache
def memory() -> "PinCache":
    from bakeoff.evaluation.datasets.pinning import PinCache

    return PinCache()
