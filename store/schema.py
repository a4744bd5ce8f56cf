"""Which schema the database has, which one this code needs, and the way from one to the other.

Nobody upgrades by surprise: an empty database is set up, an older one is refused until `bakeoff db upgrade`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from domain.errors import InfrastructureError, InvalidInputError
from store.engine import one_at_a_time, reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest revision in migrations/versions.
HEAD = "0002"

_SCRIPTS = Path(__file__).parent.parent / "migrations"


def ensure(engine: Engine) -> None:
    """Set up an empty database; refuse one that is older or newer than this code."""
    if current(engine) is None:
        upgrade(engine)
    found = current(engine)
    if found != HEAD:
        _refuse_the_unknown(engine, found)
        raise InfrastructureError(
            f"the database {_name(engine)} has schema {found} and this version needs {HEAD}: "
            f"stop the workers, then run `bakeoff db upgrade`"
        )


def current(engine: Engine) -> str | None:
    """None for a database without tables."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: Engine, to: str = "head") -> None:
    _migrate(engine, "upgrade", to)


def downgrade(engine: Engine, to: str) -> None:
    _migrate(engine, "downgrade", to)


def _migrate(engine: Engine, direction: str, to: str) -> None:
    from alembic import command

    _refuse_the_unknown(engine, current(engine))
    config = _alembic()
    with writing(engine) as connection:
        one_at_a_time(connection, "schema")
        config.attributes["connection"] = connection
        getattr(command, direction)(config, to)


def _refuse_the_unknown(engine: Engine, found: str | None) -> None:
    """A revision of a later version is a clear error, not a puzzle of Alembic's."""
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if found not in {None, *known}:
        raise InvalidInputError(
            f"the database {_name(engine)} has schema {found}, which is newer than this version of Bakeoff "
            f"knows ({HEAD}): install the version that made it"
        )


def _alembic() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
