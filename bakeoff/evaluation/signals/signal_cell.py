"""The supervisor's side of a signal model's cell: order it, wait for it, and check its answers.

`answers_in_process` does the same without a cell: breakpoints work, and exceptions are raised.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.result import Cost, Provenance, digest_of
from bakeoff.domain.signal import ModelOutput
from bakeoff.evaluation.datasets import read_snapshot, snapshot_layout
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped, failure_of
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import Grant, Permission
from bakeoff.evaluation.reuse.job_provenance import PartsOf, look_before, provenance_of
from bakeoff.evaluation.signals import answer_in_cell
from bakeoff.evaluation.signals.artefacts_for_signal_cell import ArtefactCopy
from registry.code.call_signal_model import BadSignalsError, answers_from_json, in_probabilities, sell_remark
from registry.code.cell_import_and_readable_paths import import_path, readable_paths
from registry.code.permitted_environment_and_files import below_home, variables_of


@dataclass(frozen=True, kw_only=True)
class SignalCellInputs:
    """What the cell of a signal model is given."""

    candidate: Candidate
    as_of: date
    market: Path  #: folder of the snapshot
    copies: tuple[ArtefactCopy, ...]  #: of its saved models
    root: Path  #: the folder that plugins are imported from
    closed: tuple[Path, ...]  #: files and folders below `root` that plugins must not read, such as secrets
    log: Path
    about: Mapping[str, Any]  #: fields that each line of its log carries, such as the job's id

    def order(
        self,
        entry: Callable[..., Any],
        *,
        grant: Grant,
        wall_s: float,
        outputs: Mapping[str, Path] = MappingProxyType({}),
        **payload: Any,
    ) -> Order:
        """`entry` is the function that the cell calls; the cell imports it anew, by its name."""
        return Order(
            entry=f"{entry.__module__}:{entry.__qualname__}",
            payload={**self.payload(audited=True), **payload},
            limits=Limits(
                wall_s=wall_s,
                threads=grant.threads,
                memory_mb=grant.memory_mb,
                processes=grant.processes,
                mapped_bytes=read_snapshot.mapped_bytes(self.market),
            ),
            log=self.log,
            readable=(
                self.market / snapshot_layout.OPEN,
                *(Path(copy.file) for copy in self.copies),
                *readable_paths(self.root, candidates=[self.candidate], closed=self.closed),
            ),
            import_path=import_path(self.root),
            environment=variables_of([self.candidate]),
            in_home=below_home([self.candidate], self.root, self.closed),
            outputs=outputs,
        )

    def payload(self, *, audited: bool) -> dict[str, Any]:
        """`audited`: record which files are used; only in a process that ends with the answer."""
        return {
            "about": dict(self.about),
            "audited": audited,
            "candidate": self.candidate.to_json(),
            "market": str(self.market),
            "asOf": self.as_of.isoformat(),
            "artefacts": [copy.to_json() for copy in self.copies],
            "root": str(self.root),
        }


@dataclass(frozen=True, kw_only=True)
class Answered:
    answers: tuple[ModelOutput, ...]
    cost: Cost
    provenance: Provenance
    warnings: tuple[str, ...]


def answers_from_cell(
    inputs: SignalCellInputs,
    symbols: Sequence[str],
    *,
    parts: PartsOf,
    grant: Grant,
    wall_s: float,
    attempt: int,
    warm: WarmParent,
    permission: Permission,
) -> Answered | Faulty | Killed | Stopped:
    before = look_before(inputs.candidate, inputs.root)
    order = inputs.order(answer_in_cell.answer, grant=grant, wall_s=wall_s, symbols=list(symbols))
    outcome = warm.run(order, keep_going=permission.may_go_on, may_keep=permission.may_keep)
    if outcome.end is not End.RETURNED:
        return failure_of(outcome, attempt=attempt, writes_to=inputs.log.parent)
    try:
        reported = _reported(outcome, "answers")
        answers = in_probabilities(inputs.candidate, answers_from_json(reported, symbols))
        remark = sell_remark(inputs.candidate, answers)
        return Answered(
            answers=answers,
            cost=_cost(outcome, grant),
            provenance=provenance_of(
                inputs.candidate,
                before,
                root=inputs.root,
                report=outcome.value,
                parts=parts,
                predictions=digest_of(reported),
            ),
            warnings=tuple(filter(None, [outcome.log_gap, remark and "; ".join(remark)])),
        )
    except BadSignalsError as exc:
        error = JobError(
            type="BadSignals",
            message=exc.message,
            phase=Phase.ASK,
            hint=exc.hint,
            log_tail=outcome.end_of_log,
        )
        return Faulty(state=JobState.FAILED, error=error)


def _reported(outcome: CellOutcome, key: str) -> Any:
    """The report comes from untrusted code: it may hold anything."""
    if not isinstance(outcome.value, Mapping) or key not in outcome.value:
        raise BadSignalsError(f"the report of the cell holds no {key}: {outcome.value!r:.200}")
    return outcome.value[key]


def _cost(outcome: CellOutcome, grant: Grant) -> Cost:
    return Cost(
        fit_s=0.0,
        predict_s=_seconds(outcome),
        cpu_s=outcome.usage.cpu_s,
        peak_memory_mb=outcome.usage.peak_memory_mb,
        granted_threads=grant.threads,
        granted_memory_mb=grant.memory_mb,
    )


def _seconds(outcome: CellOutcome) -> float:
    """The duration that the cell reports. One above the wall time of the cell is forged."""
    seconds = _reported(outcome, "askSeconds")
    if not isinstance(seconds, int | float) or not 0 <= seconds <= outcome.usage.wall_s:
        raise BadSignalsError(f"the report of the cell says it took {seconds!r:.60} seconds")
    return float(seconds)


def answers_in_process(inputs: SignalCellInputs, symbols: Sequence[str]) -> tuple[ModelOutput, ...]:
    with (
        TemporaryDirectory(prefix="bakeoff-in-process-") as scratch,
        Path(os.devnull).open("wb") as report,
    ):
        inside = CellApi(scratch=Path(scratch), report=report.fileno(), outputs={})
        payload = {**inputs.payload(audited=False), "symbols": list(symbols)}
        reported = answer_in_cell.answer(payload, inside)
    return in_probabilities(inputs.candidate, answers_from_json(reported["answers"], symbols))
