"""Whether this machine has room to work. Where it has not, a job would only cost its time."""

from bakeoff.domain.folders import free_bytes, mb
from bakeoff.operations import process_context

_LEAST_BYTES = 32_000_000


def lack() -> str | None:
    """What is full, and what to do; None as long as there is room.

    A log needs none: where it cannot be written, its job goes on without it.
    """
    configuration = process_context.configuration()
    database = configuration.database_file
    for folder in (configuration.predictions, *([database.parent] if database else [])):
        if free_bytes(folder) < _LEAST_BYTES:
            return f"no room: less than {mb(_LEAST_BYTES)} are free in {folder}; `bakeoff gc` may make some"
    return None
