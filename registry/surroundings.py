"""What a plugin finds around it in a cell: where modules are sought, and which files it may read."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path


def import_path(root: Path) -> tuple[str, ...]:
    """Beside the libraries: wherever this process looks for modules, and last below `root`."""
    pythons = (sys.prefix, sys.base_prefix)
    ours = [entry for entry in sys.path if Path(entry).is_absolute() and not entry.startswith(pythons)]
    return tuple(dict.fromkeys([*ours, str(root.resolve())]))


def readable(root: Path, *, closed: Iterable[Path] = ()) -> tuple[Path, ...]:
    """All in the folders of the import path but what is hidden (`.env`, `.git`) and what `closed` holds."""
    shut = tuple(path.resolve() for path in closed)
    opened = (path for entry in import_path(root) for path in _open_in(Path(entry), shut))
    return tuple(dict.fromkeys(opened))


def _open_in(folder: Path, shut: tuple[Path, ...]) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for child in sorted(folder.iterdir()):
        place = child.resolve()
        if child.name.startswith(".") or any(place.is_relative_to(path) for path in shut):
            continue
        if any(path.is_relative_to(place) for path in shut):
            yield from _open_in(place, shut)
        elif place.exists():
            yield child
