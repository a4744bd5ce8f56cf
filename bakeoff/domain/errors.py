"""What can go wrong, named for what the caller can do about it.

    BakeoffError
    ├── InvalidInputError     the caller gave something wrong and can mend it       exit code 2
    │   ├── NotFoundError     the thing that was named is not there
    │   └── ConflictError     it is there, and not in a state for this
    ├── RefusedError          a gate was not passed; nothing was changed            exit code 1
    │   └── OvertakenError    somebody else changed it meanwhile: look again
    └── InfrastructureError   broker, database, disk or process failed: try again   exit code 4
        └── TamperedError     a file is not the one that was saved

Every message names the thing, the value, and the cure; it is shown to users as it stands.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class BakeoffError(Exception):
    """Something that Bakeoff noticed and can explain."""


class InvalidInputError(BakeoffError):
    """The caller gave something wrong and can mend it."""

    field: str | None = None  #: as in JSON, `models.0`; None when no single one is to blame

    def blaming(self, field: str) -> Self:
        self.field = field
        return self


class NotFoundError(InvalidInputError):
    """The run, job, dataset or candidate that was named does not exist."""


class ConflictError(InvalidInputError):
    """What was asked for does not go with the state that the thing is in, or with what was asked before."""


class RefusedError(BakeoffError):
    """A gate was not passed; nothing was changed."""


class OvertakenError(RefusedError):
    """What was looked at has changed since; nothing was changed."""


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
def about(field: str) -> Iterator[None]:
    """What is wrong in here is wrong with that field of a request."""
    try:
        yield
    except InvalidInputError as exc:
        exc.field = exc.field or field
        raise
