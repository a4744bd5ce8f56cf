"""Dataset functions, `source: callable`: called in a cell without network, which leaves the frame in a file.

The cell may read the project's code, and the file or folder that the entry's `path` names; not the data
folders, the configuration, or what an earlier run left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.machine.own_packages_and_disk_space import refuse_tasks
from bakeoff.evaluation.temporary_oven import oven_for, why_it_ended
from bakeoff.evaluation.user_functions.dataset_function_in_cell import FRAME
from bakeoff.settings.configuration import Configuration
from registry.code.cell_import_and_readable_paths import import_path, readable_paths

if TYPE_CHECKING:
    import pandas as pd

#: Seconds that a dataset function may take.
LONGEST_S = 3600.0

_LIBRARIES = ("bakeoff.settings.log_setup:set_up_for_plugins", "numpy", "pandas")
_CURE = "let it read less, or write what it reads into a file, and name that as the dataset"
_LARGEST_MB = 65_536
_SHOWN_OF_LOG = 500


@dataclass(frozen=True, kw_only=True)
class Barred:
    """What a function may not reach, although it runs as the same user."""

    closed: tuple[Path, ...] = ()  #: files and folders that it may not read, below the root or above it
    hidden: tuple[Path, ...] = ()  #: folders of sockets, which it does not see

    @classmethod
    def by(cls, configuration: Configuration) -> Self:
        """Bakeoff's own files, and the socket by which workers are commanded."""
        return cls(closed=configuration.own_files, hidden=socket_folders(configuration))


NOTHING_BARRED = Barred()


def call_dataset_function(
    name: str,
    root: Path,
    *,
    barred: Barred = NOTHING_BARRED,
    opened: Sequence[Path] = (),
    longest_s: float = LONGEST_S,
) -> "pd.DataFrame":
    """What the function returns. `opened`: what it may read beside the root."""
    module, _, function = name.partition(":")
    if not (module and function):
        raise InvalidInputError(f"{name!r} does not name a function: expected package.module:function")
    refuse_tasks(name)
    for path in opened:
        _refuse_own_files(path, barred.closed)
    with TemporaryDirectory(prefix="bakeoff-dataset-") as folder:
        file = Path(folder, "frame.parquet")
        order = Order(
            entry="bakeoff.evaluation.user_functions.dataset_function_in_cell:read",
            payload={"name": name, "root": str(root)},
            limits=Limits(wall_s=longest_s, threads=1, output_mb=_LARGEST_MB),
            log=Path(folder, "log"),
            network=False,
            readable=(*opened, *readable_paths(root, closed=barred.closed)),
            import_path=import_path(root),
            outputs={FRAME: file},
        )
        with oven_for(root, closed=barred.closed, hidden=barred.hidden, libraries=_LIBRARIES) as run_cell:
            outcome = run_cell(order)
        _require_frame(outcome, name, longest_s)
        return _frame_in(file, name)


def _refuse_own_files(opened: Path, closed: Sequence[Path]) -> None:
    """What is opened is readable with all below it, whatever is closed there."""
    inside = [str(own) for own in closed if own.resolve().is_relative_to(opened.resolve())]
    if inside:
        raise InvalidInputError(
            f"path {opened} holds Bakeoff's own files ({', '.join(inside)}): "
            "name the file or folder of your data"
        )


def _require_frame(outcome: CellOutcome, name: str, longest_s: float) -> None:
    if outcome.end is not End.RETURNED:
        said = outcome.end_of_log.strip()[-_SHOWN_OF_LOG:]
        raise InvalidInputError(
            f"dataset function {name} {why_it_ended(outcome, longest_s=longest_s, cure=_CURE)}"
            f"{f'; the last it printed: {said}' if said else ''}"
        )
    if not isinstance(outcome.value, dict):
        raise InvalidInputError(f"dataset function {name} failed: its cell reported {outcome.value!r:.100}")
    if "problem" in outcome.value:
        raise InvalidInputError(str(outcome.value["problem"])[:2000])


def _frame_in(file: Path, name: str) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(file)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as problem:  # it forged the file
        raise InvalidInputError(f"dataset function {name} left no frame: {problem}") from problem
