"""Removing what nothing refers to: the rows of old runs first, then the files that no row refers to.

A process that is killed in between leaves files without rows, which the next call removes. Files are listed
before rows are read. Since the files of a run are made after its row, and drafts while the run is open, a
listed file without a row belongs to no run.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import parse_id
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import delete_old_runs
from bakeoff.store.bakeoffs.results import tracking_rows
from registry.models import registry_opening

_ABANDONED_AFTER_S = 3600


@dataclass(frozen=True, kw_only=True)
class GarbageFiles:
    number: int
    bytes: int  #: on the disk


@dataclass(frozen=True, kw_only=True)
class Garbage:
    runs: int  #: with their jobs, results and events
    snapshots: GarbageFiles
    predictions: GarbageFiles  #: folders of runs
    logs: GarbageFiles  #: folders of runs
    fitted: GarbageFiles  #: models of runs, in folders, that were not saved
    unfinished: GarbageFiles  #: half-written files of processes that were killed

    @property
    def bytes(self) -> int:
        piles = (self.snapshots, self.predictions, self.logs, self.fitted, self.unfinished)
        return sum(pile.bytes for pile in piles)


def find_garbage(context: Context, age: timedelta | None) -> Garbage:
    """What `remove_garbage` would remove."""
    outdated: AbstractSet[str] = set()
    if age is not None:
        outdated = delete_old_runs.outdated(context.engine, age, kept=_kept_runs(context))
    return _garbage(context, len(outdated), outdated, snapshot_store.unused, _measure)


def remove_garbage(context: Context, age: timedelta | None) -> Garbage:
    """`age`: runs that ended longer ago are removed, too; None keeps them all."""
    removed = 0
    if age is not None:
        removed = delete_old_runs.delete_outdated(context.engine, age, kept=_kept_runs(context))
    return _garbage(context, removed, set(), snapshot_store.set_aside_unused, _remove)


def _kept_runs(context: Context) -> set[str]:
    unlogged: set[str] = set()
    if context.configuration.settings.tracking is not None:  # else nobody will ever log them
        unlogged = tracking_rows.waiting_runs(context.engine)
    return unlogged | _runs_of_models(context)


def _runs_of_models(context: Context) -> set[str]:
    """The runs that saved models come from. They are kept as long as one of their versions exists."""
    configuration = context.configuration
    if configuration.settings.model_registry.backend == "none" or not registry_opening.has_registry(
        configuration
    ):
        return set()
    versions = registry_opening.open_registry(configuration).versions()
    return {version.origin.run_id for version in versions if version.origin.run_id}


def _garbage(
    context: Context,
    runs: int,
    outdated: AbstractSet[str],
    choose: Callable[[Path, Callable[[], AbstractSet[snapshot_store.Address]]], Sequence[Path]],
    dispose: Callable[[Sequence[Path]], GarbageFiles],
) -> Garbage:
    configuration, engine = context.configuration, context.engine
    parents = (configuration.predictions, configuration.logs, configuration.fitted)
    folders = [_folders(parent) for parent in parents]
    unfinished = _unfinished(context)
    kept = delete_old_runs.run_ids(engine) - outdated
    predictions, logs, fitted = (dispose([one for one in found if one.name not in kept]) for found in folders)
    snapshots = choose(
        configuration.snapshots, lambda: delete_old_runs.referenced_snapshots(engine, without=outdated)
    )
    return Garbage(
        runs=runs,
        snapshots=dispose(snapshots),
        predictions=predictions,
        logs=logs,
        fitted=fitted,
        unfinished=dispose(unfinished),
    )


def _folders(parent: Path) -> list[Path]:
    """The folders whose name is the id of a run."""
    return [folder for folder in parent.glob("*") if _is_id(folder.name)]


def _is_id(name: str) -> bool:
    with suppress(InvalidInputError):
        return parse_id(name) == name
    return False


def _unfinished(context: Context) -> list[Path]:
    """Half-written outputs. They have names only where the file system has no files without a name."""
    configuration = context.configuration
    drafts = list(configuration.predictions.glob("*/.*.part"))
    at_work = delete_old_runs.open_run_ids(context.engine)
    return [
        *snapshot_store.abandoned(configuration.snapshots),
        *(draft for draft in drafts if draft.parent.name not in at_work),
        *filter(_is_abandoned, _copies_of_database(context)),
        *(copy for copy in _copies_of_models(context) if copy.name not in at_work and _is_abandoned(copy)),
    ]


def _copies_of_models(context: Context) -> Iterator[Path]:
    """Copies of saved models, for cells of runs and of commands."""
    return context.configuration.copies.glob("*")


def _copies_of_database(context: Context) -> Iterator[Path]:
    """Drafts of backups, and of what a restore keeps and puts back."""
    configuration = context.configuration
    yield from configuration.backups.glob(".*.part*")
    if (database := configuration.database_file) is not None:
        yield from database.parent.glob(f".{database.stem}*.part*")


def _is_abandoned(draft: Path) -> bool:
    with suppress(FileNotFoundError):
        return draft.stat().st_mtime < time.time() - _ABANDONED_AFTER_S
    return False


def _measure(paths: Sequence[Path]) -> GarbageFiles:
    return GarbageFiles(number=len(paths), bytes=sum(map(_bytes_of, paths)))


def _bytes_of(path: Path) -> int:
    """The size on the disk. Files that are removed meanwhile count as 0."""
    return sum(_bytes_of_one(part) for part in (path, *_below(path)))


def _below(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _bytes_of_one(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.lstat().st_blocks * 512
    return 0


def _remove(paths: Sequence[Path]) -> GarbageFiles:
    measured = _measure(paths)
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    left = next((path for path in paths if path.exists()), None)
    if left is not None:
        raise InfrastructureError(f"{left} cannot be removed: is it another user's?")
    return measured
