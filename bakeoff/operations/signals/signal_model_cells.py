"""Signal models in cells: the market and copies of saved models that they get, and cells for a command.

The cell of a command is in an oven of its own, without a worker and without a job.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.job import Job
from bakeoff.domain.signal import Artefact
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.signals.artefacts_for_signal_cell import ArtefactCopy, copy_out
from bakeoff.evaluation.signals.signal_cell import SignalCellInputs
from bakeoff.evaluation.temporary_oven import own_oven
from bakeoff.operations.concurrency_caps_and_job_resources import grant_for
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


class OneOffCellFailedError(BakeoffError):
    """The cell of a command ended without an answer."""


def run_one_off_cell(
    context: Context,
    inputs: SignalCellInputs,
    entry: Callable[..., Any],
    *,
    outputs: Mapping[str, Path],
    **payload: Any,
) -> Any:
    """What `entry` returned. OneOffCellFailedError says how the cell ended instead."""
    settings = context.configuration.settings
    order = inputs.order(
        entry,
        grant=grant_for(inputs.candidate, context),
        wall_s=inputs.candidate.timeout_s or settings.evaluation_timeout,
        outputs=outputs,
        **payload,
    )
    with own_oven(context.configuration) as run_cell:
        outcome = run_cell(order)
    if outcome.end is not End.RETURNED:
        raise OneOffCellFailedError(_in_words(inputs.candidate, outcome))
    return outcome.value


def _in_words(candidate: Candidate, outcome: CellOutcome) -> str:
    error = outcome.error
    said = f"{error.type}: {error.message}" if error else str(outcome.end)
    hint = f"; {error.hint}" if error and error.hint else ""
    where = [part.rstrip() for part in (error.traceback if error else "", outcome.end_of_log) if part]
    return "\n".join([f"{candidate.id} failed in {outcome.phase}: {said}{hint}", *where])
