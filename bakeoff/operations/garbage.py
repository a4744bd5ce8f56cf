"""Removing what nothing cites: the rows of old runs first, then the files that no row speaks of.

Killed in between, it leaves files without rows, which the next one finds. The files of a run are made after
its row, and drafts while it is open: what was there before the rows were read, and has none, is nobody's.
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
from bakeoff.domain.identity import parse_id
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import old_runs
from registry.models import registry_opening

_ABANDONED_AFTER_S = 3600


@dataclass(frozen=True, kw_only=True)
class Pile:
    number: int
    bytes: int  #: on the disk


@dataclass(frozen=True, kw_only=True)
class Rubbish:
    runs: int  #: with their jobs, results and events
    snapshots: Pile
    predictions: Pile  #: folders of runs
    logs: Pile  #: folders of runs
    fitted: Pile  #: models of runs, in folders, that were not saved
    unfinished: Pile  #: what was being written by somebody who was killed

    @property
    def bytes(self) -> int:
        piles = (self.snapshots, self.predictions, self.logs, self.fitted, self.unfinished)
        return sum(pile.bytes for pile in piles)


def look(context: Context, age: timedelta | None) -> Rubbish:
    """What `collect` would remove."""
    outdated: AbstractSet[str] = set()
    if age is not None:
        outdated = old_runs.outdated(context.engine, age, kept=_runs_of_models(context))
    return _go_through(context, len(outdated), outdated, snapshot_store.unused, _weigh)


def collect(context: Context, age: timedelta | None) -> Rubbish:
    """`age`: runs that ended longer ago go, too; None keeps them all."""
    forgotten = 0
    if age is not None:
        forgotten = old_runs.delete_outdated(context.engine, age, kept=_runs_of_models(context))
    return _go_through(context, forgotten, set(), snapshot_store.set_aside_unused, _remove)


def _runs_of_models(context: Context) -> set[str]:
    """The runs that trained models come from: as long as a version is kept, so is what it was measured by."""
    configuration = context.configuration
    if configuration.settings.model_registry.backend == "none" or not registry_opening.has_registry(
        configuration
    ):
        return set()
    versions = registry_opening.open_registry(configuration).versions()
    return {version.origin.run_id for version in versions if version.origin.run_id}


def _go_through(
    context: Context,
    runs: int,
    outdated: AbstractSet[str],
    choose: Callable[[Path, Callable[[], AbstractSet[snapshot_store.Address]]], Sequence[Path]],
    dispose: Callable[[Sequence[Path]], Pile],
) -> Rubbish:
    configuration, engine = context.configuration, context.engine
    places = (configuration.predictions, configuration.logs, configuration.fitted)
    folders = [_folders(place) for place in places]
    unfinished = _unfinished(context)
    kept = old_runs.run_ids(engine) - outdated
    predictions, logs, fitted = (dispose([one for one in found if one.name not in kept]) for found in folders)
    snapshots = choose(
        configuration.snapshots, lambda: old_runs.referenced_snapshots(engine, without=outdated)
    )
    return Rubbish(
        runs=runs,
        snapshots=dispose(snapshots),
        predictions=predictions,
        logs=logs,
        fitted=fitted,
        unfinished=dispose(unfinished),
    )


def _folders(parent: Path) -> list[Path]:
    """Those that bear the id of a run."""
    return [folder for folder in parent.glob("*") if _is_id(folder.name)]


def _is_id(name: str) -> bool:
    with suppress(InvalidInputError):
        return parse_id(name) == name
    return False


def _unfinished(context: Context) -> list[Path]:
    """Drafts have names of their own where the file system has no nameless files."""
    configuration = context.configuration
    drafts = list(configuration.predictions.glob("*/.*.part"))
    at_work = old_runs.open_run_ids(context.engine)
    return [
        *snapshot_store.abandoned(configuration.snapshots),
        *(draft for draft in drafts if draft.parent.name not in at_work),
        *filter(_is_abandoned, _copies_of_database(context)),
        *(copy for copy in _copies_of_models(context) if copy.name not in at_work and _is_abandoned(copy)),
    ]


def _copies_of_models(context: Context) -> Iterator[Path]:
    """For cells of runs, and of commands."""
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


def _weigh(paths: Sequence[Path]) -> Pile:
    return Pile(number=len(paths), bytes=sum(map(_bytes_of, paths)))


def _bytes_of(path: Path) -> int:
    """What is gone meanwhile weighs nothing."""
    return sum(_bytes_of_one(part) for part in (path, *_below(path)))


def _below(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _bytes_of_one(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.lstat().st_blocks * 512
    return 0


def _remove(paths: Sequence[Path]) -> Pile:
    weighed = _weigh(paths)
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    left = next((path for path in paths if path.exists()), None)
    if left is not None:
        raise InfrastructureError(f"{left} cannot be removed: is it another user's?")
    return weighed
