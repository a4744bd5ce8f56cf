"""What this process works with: its configuration, and what is made of it. The only place that wires."""

from functools import cache

from sqlalchemy import Engine

from config.loading import Configuration, load
from registry.catalog import Catalog
from store import loads
from store.engine import open_database
from store.leases import Caps

_chosen: list[Configuration] = []


def use(configuration: Configuration) -> None:
    """Called once, before anything is wired: by the command line with its flags, and by tests."""
    _chosen[:] = [configuration]


def configuration() -> Configuration:
    return _chosen[0] if _chosen else _found()


@cache
def _found() -> Configuration:
    return load()


def engine() -> Engine:
    return open_database(configuration().database_url)


def caps() -> Caps:
    settings = configuration().settings
    return Caps(per_node=settings.eval_workers, overall=settings.overall_cap)


@cache
def catalog() -> Catalog:
    """Loaded once; why candidates were rejected is written down."""
    loaded = Catalog.of(configuration())
    loads.record(engine(), list(loaded.rejected.values()))
    return loaded
