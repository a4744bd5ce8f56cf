"""The inputs of a signal model on this machine: the market, and copies of its saved models."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.identity import new_id
from bakeoff.domain.runs.job import Job
from bakeoff.domain.signal import Artefact
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.signals.saved_artefacts import ArtefactCopy, copy_out
from bakeoff.evaluation.signals.signal_cell import SignalCellInputs
from bakeoff.operations.context import Context
from registry.models.registry_opening import open_registry


@contextmanager
def prepared_inputs(
    context: Context,
    candidate: Candidate,
    artefacts: tuple[Artefact, ...],
    *,
    dataset: DatasetRef,
    as_of: date,
    log: Path = Path(os.devnull),
    job: Job | None = None,
) -> Iterator[SignalCellInputs]:
    """Copies of the saved models are removed at the end. `job`: the job it is for; None: for a command."""
    configuration = context.configuration
    with _copies(
        context, artefacts, configuration.copies / (new_id() if job is None else job.run_id)
    ) as copies:
        yield SignalCellInputs(
            candidate=candidate,
            as_of=as_of,
            market=folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id),
            copies=copies,
            root=configuration.root,
            closed=(*configuration.secrets, *map(Path, dataset.files)),
            log=log,
            about={"runId": job.run_id, "jobId": job.id, "attempt": job.attempt} if job else {},
        )


@contextmanager
def _copies(
    context: Context, artefacts: tuple[Artefact, ...], owner: Path
) -> Iterator[tuple[ArtefactCopy, ...]]:
    """In a folder of their own, since other jobs and other attempts may work at the same time."""
    if not artefacts:
        yield ()
        return
    folder = owner / new_id()
    folder.mkdir(parents=True)
    try:
        yield copy_out(artefacts, open_registry(context.configuration), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            owner.rmdir()
