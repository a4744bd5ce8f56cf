"""The schema of a database: which one it has, which one this code needs, and how it is migrated.

There are two kinds of databases, each with its own Alembic branch: that of runs and that of the registry. An
empty database is set up with the tables of the newest schema. An older one is refused until somebody runs
`bakeoff db upgrade`.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, Engine, MetaData, PrimaryKeyConstraint, String, Table, inspect
from sqlalchemy.exc import DBAPIError

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from bakeoff.store.database import all_tables, registry_tables
from bakeoff.store.database.engine_and_transactions import one_at_a_time, reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest revision in migrations/versions.
HEAD = "0023"
#: The newest revision in migrations/registry.
REGISTRY_HEAD = "registry_0001"

#: The folder of migrations is at the top of a checkout, and inside the installed package.
_SCRIPTS = next(
    folder / "migrations" for folder in (SOURCES / "bakeoff", SOURCES) if (folder / "migrations").is_dir()
)


class Branch(StrEnum):
    """The value is the folder of its scripts."""

    RUNS = "versions"
    REGISTRY = "registry"

    @property
    def head(self) -> str:
        return HEAD if self is Branch.RUNS else REGISTRY_HEAD


#: As Alembic makes it.
_revisions = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

_REVISION = _revisions.select()

_METADATA = {Branch.RUNS: all_tables.metadata, Branch.REGISTRY: registry_tables.metadata}


def ensure(engine: Engine, branch: Branch = Branch.RUNS) -> None:
    """Sets up an empty database; refuses one that is older or newer than this code."""
    found = current(engine)
    if found is None:
        _set_up(engine, branch)
        found = current(engine)
    if found != branch.head:
        refuse_unknown(_name(engine), found, branch)
        raise InfrastructureError(
            f"the database {_name(engine)} has schema {found} and this version needs {branch.head}: "
            f"stop the workers, then run `bakeoff db upgrade`"
        )


def current(engine: Engine) -> str | None:
    """The revision of the schema; None for a database without tables."""
    try:
        with reading(engine) as connection:
            return connection.execute(_REVISION).scalar()
    except InfrastructureError as exc:  # asked first, whether there is the table takes longer than its row
        if isinstance(exc.__cause__, DBAPIError) and _revisions.name in str(exc.__cause__.orig):
            return None
        raise


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_revisions.name):
        return None
    return connection.execute(_REVISION).scalar()


def _set_up(engine: Engine, branch: Branch) -> None:
    """Makes the tables at once. They are what all migrations make, one after the other, as a test holds.

    A new project is thus there without Alembic, whose import alone takes longer than all else here.
    """
    with writing(engine) as connection:
        one_at_a_time(connection, "schema")  # two processes that start at once would both set it up
        if _revision(connection) is None:
            _METADATA[branch].create_all(connection, checkfirst=False)
            _revisions.create(connection, checkfirst=True)
            connection.execute(_revisions.insert().values(version_num=branch.head))


def upgrade(engine: Engine, to: str = "head", branch: Branch = Branch.RUNS) -> None:
    _migrate(engine, "upgrade", to, branch)


def downgrade(engine: Engine, to: str, branch: Branch = Branch.RUNS) -> None:
    _migrate(engine, "downgrade", to, branch)


def _migrate(engine: Engine, direction: str, to: str, branch: Branch) -> None:
    from alembic import command

    refuse_unknown(_name(engine), current(engine), branch)
    config = _alembic(branch)
    with writing(engine) as connection:
        one_at_a_time(connection, "schema")  # two people may upgrade at once
        config.attributes.update(connection=connection, metadata=_METADATA[branch])
        getattr(command, direction)(config, to)


def refuse_unknown(name: str, found: str | None, branch: Branch = Branch.RUNS) -> None:
    """Refuse a revision of a later version with a clear error: Alembic says only that it cannot locate it."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_alembic(branch))
    known = {script.revision for script in scripts.walk_revisions()}
    if found not in {None, *known}:
        raise InvalidInputError(
            f"the database {name} has schema {found}, which is newer than this version of Bakeoff "
            f"knows ({branch.head}): install the version that made it"
        )


def _alembic(branch: Branch) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _escaped(_SCRIPTS))
    config.set_main_option("version_locations", _escaped(_SCRIPTS / branch))
    config.set_main_option("path_separator", "newline")
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
