"""Pages: an opaque cursor says where the next page begins."""

import base64
from typing import Annotated
from uuid import UUID

from pydantic import Field

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import parse_id

MOST = 200
_FARTHEST = 2**31  #: no list is longer: a cursor with a larger position was not made here

Limit = Annotated[int, Field(ge=1, le=MOST, description="how many items at most")]
Cursor = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{48}$", description="`nextCursor` of the previous page")
]


def cursor_after(run_id: str) -> str:
    return base64.urlsafe_b64encode(run_id.encode()).decode()


def id_in(cursor: str) -> str:
    try:
        return parse_id(base64.urlsafe_b64decode(cursor).decode())
    except (InvalidInputError, ValueError):
        raise unknown() from None


def cursor_at(place: int) -> str:
    """For lists that are paged by position. If an item is added meanwhile, the later ones shift."""
    return cursor_after(str(UUID(int=place)))


def place_of(cursor: str) -> int:
    place = UUID(id_in(cursor)).int
    if place > _FARTHEST:
        raise unknown()
    return place


def unknown() -> InvalidInputError:
    message = "this is not a valid cursor: give the `nextCursor` of a page, or none to begin"
    return InvalidInputError(message).with_field("query.cursor")
