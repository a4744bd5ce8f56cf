"""The errors, named for what the caller can do about them.

    BakeoffError
    ├── InvalidInputError     the caller gave something wrong and can correct it    exit code 2
    │   ├── NotFoundError     the thing that was named is not there
    │   ├── ConflictError     it is there, and not in a state for this
    │   └── ForbiddenError    the caller has no right to ask for it
    ├── RefusedError          a gate was not passed; nothing was changed            exit code 1
    │   └── OvertakenError    it has changed since the caller read it
    └── InfrastructureError   broker, database, disk or process failed: try again   exit code 4
        └── TamperedError     a file is not the one that was saved

Every message names the thing, the value, and the cure; it is shown to users as it stands.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class BakeoffError(Exception):
    """An error that Bakeoff can explain. Its message is shown to users as it is."""


class InvalidInputError(BakeoffError):
    """The caller gave something wrong and can correct it."""

    field: str | None = (
        None  #: the key in the request that is wrong, such as `models.0`; None when several are
    )

    def with_field(self, field: str) -> Self:
        self.field = field
        return self


class NotFoundError(InvalidInputError):
    """The run, job, dataset or candidate that was named does not exist."""


class ConflictError(InvalidInputError):
    """The request contradicts the present state of the thing that it names, or an earlier request."""


class ForbiddenError(InvalidInputError):
    """The caller has no right to ask for this; without it the request would be accepted."""


class RefusedError(BakeoffError):
    """A gate was not passed; nothing was changed."""


class OvertakenError(RefusedError):
    """The thing has changed since the caller read it; the request changed nothing."""


class InfrastructureError(BakeoffError):
    """The broker, the database, the disk or a process of our own failed."""


class TamperedError(InfrastructureError):
    """A file is missing, or is not the one that was saved: it was not unpickled."""


class BadAnswerError(ValueError):
    """What a plugin returned cannot be used; its author can fix it. Not shown to users as it is."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


@contextmanager
def in_field(field: str) -> Iterator[None]:
    """Adds the field of the request to an InvalidInputError that is raised in this block."""
    try:
        yield
    except InvalidInputError as exc:
        exc.field = exc.field or field
        raise
