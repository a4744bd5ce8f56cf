"""What a signal model works with on this machine: the market, and copies of its saved models."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from domain.candidate import Candidate
from domain.dataset import DatasetRef
from domain.signal import Artefact
from evaluation.data.snapshot import folder_of
from evaluation.signals.artefacts import Copy, copy_out
from evaluation.signals.asking import Desk
from registry.opening import open_registry
from tasks import wiring


@contextmanager
def a_desk(
    candidate: Candidate,
    artefacts: tuple[Artefact, ...],
    *,
    dataset: DatasetRef,
    as_of: date,
    owner: str,
    part: str,
    log: Path,
    about: Mapping[str, Any],
) -> Iterator[Desk]:
    """With copies in a folder of the `owner`, which is a run or a process; they are gone at the end."""
    configuration = wiring.configuration()
    with _folder(configuration.copies / owner / part) as folder:
        yield Desk(
            candidate=candidate,
            as_of=as_of,
            market=folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id),
            copies=_copies(artefacts, folder),
            root=configuration.root,
            closed=(*configuration.secrets, *map(Path, dataset.files)),
            log=log,
            about=about,
        )


@contextmanager
def _folder(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others of the same owner are there
            folder.parent.rmdir()


def _copies(artefacts: tuple[Artefact, ...], folder: Path) -> tuple[Copy, ...]:
    return copy_out(artefacts, open_registry(wiring.configuration()), folder) if artefacts else ()
