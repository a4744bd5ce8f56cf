"""What all tables have in common: the names of keys and constraints, times in UTC, and columns of an enum."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, DateTime, Dialect, MetaData, String, TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A time that is aware in Python, and UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

#: Of the database of runs. That of the embedded registry has its own, in `registry_tables`.
metadata = MetaData(naming_convention=NAMING)

Json = JSON(none_as_null=True)


def id_column(**options: Any) -> Column[str]:
    return Column("id", String(36), primary_key=True, **options)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({quoted(values)})", name=f"{column}_known")


def quoted(values: Iterable[str]) -> str:
    """The values as SQL has them in a list."""
    return ", ".join(f"'{value}'" for value in values)
