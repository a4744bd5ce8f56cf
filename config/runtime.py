"""The folder in which processes of this user meet, by sockets that nobody else reaches."""

import os
from pathlib import Path


def runtime_folder() -> Path:
    """In the temporary folder, which unlike XDG_RUNTIME_DIR is still there after logout."""
    import tempfile

    return Path(tempfile.gettempdir()) / f"bakeoff-{os.geteuid()}"
