"""What can go wrong, named for what the caller can do about it.

    BakeoffError
    ├── InvalidInputError     the caller gave something wrong and can mend it       exit code 2
    │   └── NotFoundError     the thing that was named is not there
    ├── RefusedError          a gate was not passed; nothing was changed            exit code 1
    │   └── OvertakenError    somebody else changed it meanwhile: look again
    └── InfrastructureError   broker, database, disk or process failed: try again   exit code 4
        └── TamperedError     a file is not the one that was saved

Every message names the thing, the value, and the cure; it is shown to users as it stands.
"""


class BakeoffError(Exception):
    """Something that Bakeoff noticed and can explain."""


class InvalidInputError(BakeoffError):
    """The caller gave something wrong and can mend it."""


class NotFoundError(InvalidInputError):
    """The run, job, dataset or candidate that was named does not exist."""


class RefusedError(BakeoffError):
    """A gate was not passed; nothing was changed."""


class OvertakenError(RefusedError):
    """What was looked at has changed since; nothing was changed."""


class InfrastructureError(BakeoffError):
    """The broker, the database, the disk or a process of our own failed."""


class TamperedError(InfrastructureError):
    """A file is missing, or is not the one that was saved: it was not unpickled."""
