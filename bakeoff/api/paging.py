"""Pages: a cursor says where the next one begins, and nothing that a client should read."""

import base64
from typing import Annotated
from uuid import UUID

from pydantic import Field

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.identity import parse_id

MOST = 200
_FARTHEST = 2**31  #: nobody turns so many pages

Limit = Annotated[int, Field(ge=1, le=MOST, description="how many at most")]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{48}$", description="`nextCursor` of the page before")]


def cursor_after(run_id: str) -> str:
    return base64.urlsafe_b64encode(run_id.encode()).decode()


def id_in(cursor: str) -> str:
    try:
        return parse_id(base64.urlsafe_b64decode(cursor).decode())
    except (InvalidInputError, ValueError):
        raise unknown() from None


def cursor_at(place: int) -> str:
    """For lists that know no better than to count: what is added meanwhile moves the others on."""
    return cursor_after(str(UUID(int=place)))


def place_of(cursor: str) -> int:
    place = UUID(id_in(cursor)).int
    if place > _FARTHEST:
        raise unknown()
    return place


def unknown() -> InvalidInputError:
    said = "this is no cursor of ours: give the `nextCursor` of a page, or none to begin"
    return InvalidInputError(said).with_field("query.cursor")
