"""Ask the version in Production what it predicts for the test rows of a run, and score its answers.

The saved version itself is asked, not its candidate fitted again. Its files are verified and copied, a cell
unpickles the copies, and this process scores what the cell leaves, as it does for candidates. Whatever is
wrong with the version becomes the reason why it could not be compared, and the run ends as it would have.

Only the saver asks. The answers go nowhere but into the verdict: if the saver dies before that is written,
the next one looks again what is in Production, and asks that.
"""

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import End
from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError, TamperedError
from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.machine.work_in_thread import StoppedError, TooLongError, run_in_thread
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.runs.job import JobError
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.runs.verdict import ProductionScores
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.datasets.snapshot_layout import OPEN, folder_of
from bakeoff.evaluation.jobs.cell_failure import Killed, Stopped, failure_of
from bakeoff.evaluation.jobs.evaluation_job import predictions_mb
from bakeoff.evaluation.metrics.metric_names import may_need_probabilities
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError, PredictedFiles, score_snapshot
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.temporary_oven import RunCell, own_folder, own_oven
from bakeoff.evaluation.user_functions.custom_metric_scores import CustomScoring, with_custom_metrics
from bakeoff.operations.concurrency_caps_and_job_resources import usual_grant
from bakeoff.operations.context import Context
from bakeoff.operations.production import production_in_cell
from bakeoff.operations.upkeep.work_under_lease import work_while_leased
from bakeoff.store.bakeoffs.results.verdict_rows import MOST_ATTEMPTS
from bakeoff.store.bakeoffs.row_lease import RowLease
from registry.code.cell_import_and_readable_paths import import_path, readable_paths
from registry.code.permitted_environment_and_files import below_home, outside_paths, variables_of
from registry.columns.check_predictions import BadPredictionsError
from registry.models.promotion import production_of
from registry.models.registry_interface import Fitted
from registry.models.registry_opening import has_registry, open_registry

log = logging.getLogger(__name__)

_MAY_HAVE_A_WINNER = {RunState.COMPLETED, RunState.PARTIAL}


@dataclass(frozen=True, kw_only=True, eq=False)
class ProductionAnswer:
    scores: ProductionScores
    sketch: Sketch | None  #: of the metric that ranks the run; None where `scores.problem` says why

    @property
    def findings(self) -> tuple[Finding, ...]:
        title = self.scores.title
        if self.scores.problem:
            message = f"{title} could not be compared: {self.scores.problem}"
            return (Finding(slug="production-not-compared", severity=Severity.MEDIUM, message=message),)
        if self.scores.may_know_rows:
            message = (
                f"{title} was not fitted on the training rows of this run, so it may know some of these test "
                "rows: then it looks better here than it is"
            )
            return (
                Finding(
                    slug="production-may-know-rows",
                    severity=Severity.LOW,
                    message=message,
                    cure="compare it on test rows that are newer than it is",
                ),
            )
        return ()


class _NotComparableError(Exception):
    """The failure is lasting: it would happen again however often the version is asked."""


def ask_production(context: Context, run: Run, lease: RowLease) -> ProductionAnswer | None:
    """None where the run saves nothing, has no winner, or no version of its name is in Production.

    `lease` is that of the verdict, and is renewed meanwhile. StoppedError when it is lost: then this process
    has to end. Other errors mean that another attempt may succeed; after MOST_ATTEMPTS there is none.
    """
    if run.save is None or run.state not in _MAY_HAVE_A_WINNER:
        return None
    if lease.attempt > MOST_ATTEMPTS:  # and nobody wrote down why: it may be that asking kills the saver
        problem = f"it was asked {MOST_ATTEMPTS} times, and each time the process that asked it died"
        return _without_answer(run.save.name, None, problem)
    try:
        return work_while_leased(
            partial(_ask, context, run),
            lease,
            lease_s=context.configuration.settings.lease_seconds,
            name=f"the verdict of run {run.id}",
        )
    except StoppedError:
        raise
    except Exception as exc:  # the registry may be away, a disk full, the cell killed for want of memory
        if lease.attempt < MOST_ATTEMPTS:
            raise
        log.warning("run %s: Production could not be asked", run.id, exc_info=exc)
        return _without_answer(run.save.name, None, str(exc) or type(exc).__name__)


def _without_answer(name: str, version: str | None, problem: str) -> ProductionAnswer:
    scores = ProductionScores(name=name, version=version, problem=problem)
    return ProductionAnswer(scores=scores, sketch=None)


def _ask(context: Context, run: Run) -> ProductionAnswer | None:
    assert run.save is not None  # noqa: S101 - the caller has looked
    if not has_registry(context.configuration):
        return None
    registry = open_registry(context.configuration)
    version = production_of(registry, run.save.name)
    if version is None:
        return None
    try:
        _check_target(version, run)
        _check_design(run)
        with own_folder(context.configuration, run.id) as folder:
            _, copied = registry.copy_fitted(version.uri, folder)
            scores = _scores(context, run, version, copied)
    except NotFoundError:
        raise  # deleted meanwhile: the next attempt finds whatever is in Production then
    except (InvalidInputError, TamperedError, _NotComparableError) as exc:
        return _without_answer(version.name, version.version, str(exc))
    return _answer(run, version, scores)


def _answer(run: Run, version: ModelVersion, scores: Scores) -> ProductionAnswer:
    metric, origin = run.rules.metrics[0], version.origin
    sketch = scores.sketches.get(metric)
    return ProductionAnswer(
        scores=ProductionScores(
            name=version.name,
            version=version.version,
            metrics=scores.metrics,
            problem="" if sketch else scores.why_not_estimated(metric),
            may_know_rows=(origin.dataset_id, origin.split_id)
            != (run.dataset.dataset_id, run.dataset.split_id),
        ),
        sketch=sketch,
    )


def _check_target(version: ModelVersion, run: Run) -> None:
    target = version.metadata.get("target")
    if target not in {None, run.dataset.target}:
        raise _NotComparableError(
            f"it predicts {target!r}, and this run is about {run.dataset.target!r}: save the models of this "
            "run under another name, with saveAs"
        )


def _check_design(run: Run) -> None:
    if run.dataset.design.has_folds:
        raise _NotComparableError(
            "this run has folds, whose models are other ones in each fold; the version is one model, and has "
            "most likely learnt from all these rows: compare it in a run with one split, on rows that are "
            "newer than it is"
        )


def _scores(context: Context, run: Run, version: ModelVersion, copied: Fitted) -> Scores:
    with own_oven(context.configuration) as run_cell:
        return _scores_in(context, run, version, copied, run_cell)


def _scores_in(
    context: Context, run: Run, version: ModelVersion, copied: Fitted, run_cell: RunCell
) -> Scores:
    order = _order(context, run, version, copied)
    outcome = run_cell(order)
    if outcome.end is not End.RETURNED:
        failure = failure_of(outcome, attempt=MOST_ATTEMPTS, writes_to=copied.model.parent)
        assert not isinstance(failure, Stopped)  # noqa: S101 - nobody stops this cell
        if isinstance(failure, Killed):
            raise InfrastructureError(failure.error.message)
        raise _NotComparableError(_in_words(failure.error, outcome.end, order))
    predicted, rules = _answers(run, version, order)
    return with_custom_metrics(
        _scored_within_time(context, run, predicted, rules),
        CustomScoring(
            rules=rules,
            dataset=run.dataset,
            snapshot=_place(context, run),
            predicted=predicted,
            root=context.configuration.root,
            closed=context.configuration.secrets,
            log=order.log,
            longest_s=context.configuration.settings.metric_timeout,
            memory_mb=order.limits.memory_mb,
        ),
        run_cell,
    )


def _in_words(error: JobError, end: End, order: Order) -> str:
    if end is End.TIMED_OUT:
        return f"it took longer than {order.limits.wall_s:g} seconds"
    if error.type == production_in_cell.REFUSAL:
        return error.message
    return f"{error.type} in {error.phase}: {error.message}"


def _order(context: Context, run: Run, version: ModelVersion, copied: Fitted) -> Order:
    configuration, dataset, grant = context.configuration, run.dataset, usual_grant(context)
    place = folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id)
    folder = copied.model.parent
    # The files that the dataset was read from hold the test labels: they stay closed.
    closed = (*configuration.secrets, *map(Path, dataset.files))
    return Order(
        entry="bakeoff.operations.production.production_in_cell:answer",
        payload=production_in_cell.payload_of(
            version,
            copied,
            snapshot=place / OPEN,
            probabilities=may_need_probabilities(run.rules, dataset.target_kind),
            about={"runId": run.id, "modelId": version.uri},
        ),
        limits=Limits(
            wall_s=configuration.settings.evaluation_timeout,
            threads=grant.threads,
            memory_mb=grant.memory_mb,
            output_mb=predictions_mb(dataset),
            processes=grant.processes,
            mapped_bytes=read_snapshot.mapped_bytes(place),
        ),
        log=configuration.log_of(run.id, "production"),
        readable=(
            place / OPEN,
            *filter(None, (copied.model, copied.preprocessor)),
            *readable_paths(configuration.root, closed=closed),
            *outside_paths([configuration.settings], configuration.root, closed),
        ),
        import_path=import_path(configuration.root),
        environment=variables_of([configuration.settings]),
        in_home=below_home([configuration.settings], configuration.root, closed),
        outputs={
            production_in_cell.LABELS: folder / "labels.npy",
            production_in_cell.BESIDE: folder / "beside.npy",
        },
    )


def _scored_within_time(context: Context, run: Run, predicted: PredictedFiles, rules: ScoringRules) -> Scores:
    """Scores within the time limit of a candidate, because metrics of many rows may take long."""
    longest_s = context.configuration.settings.evaluation_timeout

    def scored() -> Scores:
        return score_snapshot(
            predicted.load(), _place(context, run), dataset=run.dataset, rules=rules.without_custom()
        )

    try:
        return run_in_thread(scored, keep_going=lambda: True, longest_s=longest_s)
    except TooLongError:
        names = ", ".join(run.rules.metrics)
        raise _NotComparableError(f"its metrics, {names}, took longer than {longest_s:g} seconds") from None
    except (BadPredictionsError, ForgedReportError) as exc:
        raise _NotComparableError(f"what it predicted cannot be scored: {exc}") from exc


def _answers(run: Run, version: ModelVersion, order: Order) -> tuple[PredictedFiles, ScoringRules]:
    """What the version predicted, and the rules by which that is scored."""
    labels = order.outputs[production_in_cell.LABELS]
    file = order.outputs[production_in_cell.BESIDE]
    beside = file if file.exists() else None
    if beside is not None and version.metadata.get("outputKind") == OutputKind.SCORE:
        # Metrics such as roc_auc read scores. Its own threshold turns them into the labels that it answers.
        threshold = version.metadata.get("threshold")
        return PredictedFiles(values=beside, output_kind=OutputKind.SCORE), replace(
            run.rules, threshold=threshold
        )
    rules = replace(run.rules, threshold=None)  # its own one has decided already which labels it answers
    return PredictedFiles(values=labels, output_kind=OutputKind.LABELS, probabilities=beside), rules


def _place(context: Context, run: Run) -> Path:
    dataset = run.dataset
    return folder_of(context.configuration.snapshots, dataset.dataset_id, dataset.split_id)
