"""What follows the end of a run: saved models, promotion to Production, runs in MLflow, or why not yet."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output import terminal
from bakeoff.cli.output.runs.run_header import grid
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.experiment_tracking import Tracking
from bakeoff.domain.runs.model_saving import PromotionOutcome, Saving, SavingOutcome
from bakeoff.domain.runs.run import Run
from bakeoff.domain.wording import counted
from bakeoff.store.bakeoffs import saving_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.worker.temporary import worker_for_command_run

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bakeoff.operations.context import Context

_PAUSE_S = 0.25
_SAY_EVERY_S = 10  #: so long nobody wonders what it waits for
_NO_WORKER_AFTER = timedelta(seconds=30)  #: a saving that is due for longer shows that no worker is there

_Row = tuple[str, Text]


def wait_until_saved(context: "Context", run: Run, console: "Console") -> None:
    """Waits for the verdict and until the models are saved, or it is clear that no worker does it.

    If the saving has failed, another attempt is not waited for.
    """
    if run.save is None or not is_under_way(context, run.id):
        return
    began = time.monotonic()
    say_after_s = _SAY_EVERY_S
    with terminal.busy(console, "comparing with Production, and saving the models"):
        while is_under_way(context, run.id):
            worker_for_command_run.replace_the_dead(context, run.id)
            if time.monotonic() - began >= say_after_s:
                terminal.show(
                    console, f"still saving after {say_after_s} s: {_what_it_waits_for(context, run)}"
                )
                say_after_s += _SAY_EVERY_S
            time.sleep(_PAUSE_S)


def _what_it_waits_for(context: "Context", run: Run) -> str:
    from bakeoff.operations.doctor.diagnosis_levels import DiagnosisLevel
    from bakeoff.operations.doctor.registry_and_tracking_check import check_registry

    saving = saving_rows.of_run(context.engine, run.id)
    if saving is None:
        return "the verdict is being made"
    attempt = f"try {saving.tries}" if saving.tries else "no worker has begun"
    said = [one.message for one in check_registry(context) if one.level is not DiagnosisLevel.OK]
    return f"{attempt}; {'; '.join(said) or 'the registry answers'}"


def is_under_way(context: "Context", run_id: str) -> bool:
    """Whether a worker is judging or saving it, or may begin to."""
    if (due_at := verdict_rows.pending_since(context.engine, run_id)) is not None:
        return utc_now() < due_at + _NO_WORKER_AFTER
    saving = saving_rows.of_run(context.engine, run_id)
    return saving is not None and saving.outcome is None and utc_now() < saving.due_at + _NO_WORKER_AFTER


def saving_lines(saving: Saving, *, said: str = "") -> "Sequence[RenderableType]":
    """`said`: a sentence that is shown already, and not repeated as the reason of what was saved."""
    return [Text(), grid(list(_rows(saving, said)))]


def _rows(saving: Saving, said: str) -> Iterator[_Row]:
    if saving.outcome is None:
        yield "not saved", Text("yet: the next worker does it", "yellow")
    elif saving.done_at is None:
        again = f"tried {counted(saving.tries, 'time')}; again from {_local(saving.due_at)} on, by any worker"
        yield "not saved", Text(f"yet: {clean(saving.outcome.error)}", "yellow")
        yield "", Text(again, "dim")
    else:
        yield from _outcome_rows(saving.outcome, said)


def tracking_lines(tracking: Tracking) -> "Sequence[RenderableType]":
    """Where the run was logged, or that it waits and why."""
    said = clean(tracking.in_words)
    if tracking.done_at is not None:
        rows = [("mlflow", Text(said))]
    elif tracking.error:
        tries = counted(tracking.tries, "time")
        again = f"tried {tries}; again from {_local(tracking.due_at)} on, by any worker"
        rows = [("mlflow", Text(said, "yellow")), ("", Text(again, "dim"))]
    else:
        rows = [("mlflow", Text(f"{said}: a worker logs it there, or `bakeoff track`", "dim"))]
    return [Text(), grid(rows)]


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _outcome_rows(outcome: SavingOutcome, said: str) -> Iterator[_Row]:
    for one in outcome.saved:
        version = f"{clean(one.name)} {one.version}"
        before = "already as " if one.already else ""
        yield "saved", Text.assemble(before, (version, "bold green"), f" ({clean(one.candidate)})")
    for lost in outcome.not_saved:
        yield "not saved", Text(f"{clean(lost.candidate)}: {clean(lost.reason)}", "yellow")
    if outcome.remark:
        remark = "as the verdict says" if outcome.remark == said else clean(outcome.remark)
        yield ("", Text(remark, "dim")) if outcome.saved else ("not saved", Text(remark, "yellow"))
    if outcome.promotion:
        yield from _promotion(outcome.promotion)


def _promotion(advance: PromotionOutcome) -> Iterator[_Row]:
    if not advance.promoted:
        yield "", Text(f"not promoted: {clean(advance.reason)}", "yellow")
        return
    replaced = f", replacing {advance.replaced}" if advance.replaced else ""
    yield "", Text(f"promoted to {advance.stage}{replaced}", "green")
    for failure in advance.failed_hooks:
        yield "", Text(f"a hook failed: {clean(failure)}", "yellow")
