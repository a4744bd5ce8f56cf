"""Folders of Bakeoff itself: where its own code lies, and where its processes meet."""

import os
from pathlib import Path

#: The checkout, or the folder of installed packages.
SOURCES = Path(__file__).resolve().parents[2]

#: The packages there that are ours; everything else on the import path is a project's or a library's.
PACKAGES = ("bakeoff", "registry", "tasks")

#: Those of them that a cell needs. There a project's own `tasks.py` is what `import tasks` finds.
PACKAGES_IN_CELLS = ("bakeoff", "registry")


def runtime_folder() -> Path:
    """The folder of this user's sockets, which nobody else can enter.

    It lies in the temporary folder, which unlike XDG_RUNTIME_DIR is still there after logout.
    """
    import tempfile

    return Path(tempfile.gettempdir()) / f"bakeoff-{os.geteuid()}"
