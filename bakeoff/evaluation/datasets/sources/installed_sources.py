"""Dataset sources that installed packages add, by entry points in the group `bakeoff.sources`.

    [project.entry-points."bakeoff.sources"]
    warehouse = "warehouse_source"

The entry point names a module, or an object, with two functions. Their obligations:

- `read(dataset, root)` returns one pandas DataFrame, the target as a column. It is called in the process that
  starts a run, for each run: it is trusted as Bakeoff itself is. It writes nothing to its source, and returns
  the same rows in the same order as long as the data are the same, for a snapshot is known by its content.
- `files(dataset, root)` returns the paths of the files on this machine that it reads, none if there are none.
  Candidates may not open these, since the test labels are in there. It is called after `read`.
- `dataset` is the entry of `datasets` in the configuration: its `path`, `url`, `query`, `name`, `target` and
  so on, and `options`, a mapping of what the source wants to know besides. `root` is the folder that relative
  paths start from.
- Whatever they raise stops the run before anything is enqueued; its text is shown, and should say a cure.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.domain import entry_points_of_installed_packages
from bakeoff.domain.entry_points_of_installed_packages import Extends
from bakeoff.domain.errors import BakeoffError, InvalidInputError
from bakeoff.settings.setting_definitions import DatasetSettings

if TYPE_CHECKING:
    import pandas as pd


class AddedSource(Protocol):
    """The module or object that an entry point names."""

    def read(self, dataset: DatasetSettings, root: Path) -> "pd.DataFrame": ...

    def files(self, dataset: DatasetSettings, root: Path) -> Iterable[str | Path]: ...


def read_added(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    import pandas as pd

    with _naming_package(dataset.source):
        frame: Any = _load(dataset.source).read(dataset, root)
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(
            f"source {dataset.source!r} of {_whose(dataset.source)} returned {type(frame).__name__}, "
            "expected a pandas DataFrame with the target as a column"
        )
    return frame.reset_index(drop=True)


def files_of_added(dataset: DatasetSettings, root: Path) -> tuple[Path, ...]:
    with _naming_package(dataset.source):
        return tuple((root / Path(file)).resolve() for file in _load(dataset.source).files(dataset, root))


def _load(source: str) -> AddedSource:
    found = entry_points_of_installed_packages.load(Extends.SOURCES, source)
    missing = [name for name in ("read", "files") if not callable(getattr(found, name, None))]
    if missing:
        raise InvalidInputError(
            f"source {source!r} of {_whose(source)} has no function {' and no '.join(missing)}: see "
            "bakeoff.evaluation.datasets.sources.installed_sources for what a source must have"
        )
    return found  # type: ignore[no-any-return]  # it has both functions


@contextmanager
def _naming_package(source: str) -> Iterator[None]:
    """Adds the name of the package to errors of its code, which may raise anything."""
    try:
        yield
    except BakeoffError:
        raise
    except (Exception, SystemExit) as exc:  # the package's code may raise anything, or call sys.exit
        raise InvalidInputError(
            f"source {source!r} of {_whose(source)} raised {type(exc).__name__}: {exc}"
        ) from exc


def _whose(source: str) -> str:
    return entry_points_of_installed_packages.whose(Extends.SOURCES, source)
