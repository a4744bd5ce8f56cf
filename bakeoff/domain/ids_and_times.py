"""Ids and times: ids are UUIDs, times are aware and in UTC. Also the name of the present user."""

import getpass
import os
from datetime import UTC, datetime
from uuid import UUID, uuid4

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted


def new_id() -> str:
    return str(uuid4())


def parse_id(text: str) -> str:
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        raise InvalidInputError(
            f"{quoted(text)} is not an id: expected a UUID such as 2f1c7f9e-5f0b-4f0c-9d3a-0f6a3c1f7b11"
        ) from None


def utc_now() -> datetime:
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 with milliseconds and Z, the format in all records."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def user_name() -> str:
    """The user of this process; a container may have no name for its user id."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
