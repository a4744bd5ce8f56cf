"""What runs know of a version, for the gates that compare it with Production."""

from collections.abc import Sequence

from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.runs.result import Result
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.database import schema_version
from registry.models.promotion_gates import EvidenceOf, RunEvidence

_MOST_RUNS = 20


def evidence_in(context: Context, *, first: str | None = None) -> EvidenceOf:
    """Reads the database of this project. The newest run comes first, or the one with the id `first`."""

    def evidence_of(version: ModelVersion) -> Sequence[RunEvidence]:
        evaluation_id = version.origin.evaluation_id
        if evaluation_id is None:
            return ()
        schema_version.ensure(context.engine)
        found = job_queries.results_from(context.engine, evaluation_id, limit=_MOST_RUNS)
        found.sort(key=lambda result: result.run_id != first)  # stable: the others stay newest first
        return [_of_run(context, result) for result in found]

    return evidence_of


def _of_run(context: Context, result: Result) -> RunEvidence:
    return RunEvidence(
        run_id=result.run_id,
        candidate=result.model_id,
        metrics=result.metrics,
        verdict=verdict_rows.of_run(context.engine, result.run_id),
    )
