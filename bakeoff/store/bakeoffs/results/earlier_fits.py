"""Earlier fits, whose predictions a run may reuse: found by fingerprint, by candidate, by evaluation."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Engine, Row, Select, func, select

from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.metric import ScoringRules
from bakeoff.domain.runs.result import Fit
from bakeoff.store.bakeoffs.row_mapping import provenance_from_row, result_from_row
from bakeoff.store.database.engine import reading
from bakeoff.store.database.tables import provenances, results, runs

_FITS = (
    select(
        results,
        runs.c.rules,
        runs.c.dataset,
        provenances.c.fingerprint,
        provenances.c.parts,
        provenances.c.seen,
        provenances.c.obstacle,
        provenances.c.predictions,
        provenances.c.probabilities,
        provenances.c.manifest,
    )
    .join(results, results.c.evaluation_id == provenances.c.evaluation_id)
    .join(runs, runs.c.id == results.c.run_id)
)
_MOST = 5  #: fits of one fingerprint that are read: enough to see whether they predicted the same


def with_fingerprints(engine: Engine, wanted: Collection[str]) -> Mapping[str, Sequence[Fit]]:
    """The latest fits by fingerprint, newest first; fingerprints without a fit are absent."""
    found: dict[str, list[Fit]] = {}
    with reading(engine) as connection:
        for row in connection.execute(_latest(provenances.c.fingerprint, wanted, most=_MOST)):
            found.setdefault(row.fingerprint, []).append(_fit(row))
    return found


def latest_of(engine: Engine, model_ids: Collection[str]) -> Mapping[str, Fit]:
    """The latest fit by candidate; candidates that were never fitted are absent."""
    with reading(engine) as connection:
        rows = connection.execute(_latest(provenances.c.model_id, model_ids, most=1))
        return {row.model_id: _fit(row) for row in rows}


def of_evaluation(engine: Engine, evaluation_id: str) -> Fit | None:
    """The fit of an evaluation; None for a reused result, and for one older than the provenances."""
    with reading(engine) as connection:
        row = connection.execute(_FITS.where(provenances.c.evaluation_id == evaluation_id)).first()
    return None if row is None else _fit(row)


def _latest(column: Column[str], wanted: Collection[str], *, most: int) -> Select[Any]:
    # Rows are numbered before the join, so that the database sorts narrow rows and joins only the ones it
    # needs.
    place = func.row_number().over(partition_by=column, order_by=provenances.c.made_at.desc())
    numbered = (
        select(provenances.c.evaluation_id, place.label("place"))
        .where(column.in_(wanted))
        .subquery("numbered")
    )
    return (
        _FITS.join(numbered, numbered.c.evaluation_id == provenances.c.evaluation_id)
        .where(numbered.c.place <= most)
        .order_by(numbered.c.place)
    )


def _fit(row: Row[Any]) -> Fit:
    dataset = DatasetRef.from_json(row.dataset)
    return Fit(
        result=result_from_row(row),
        rules=ScoringRules.from_json(row.rules),
        train_rows=dataset.train_rows,
        test_rows=dataset.test_rows,
        fits=dataset.design.fits,
        provenance=provenance_from_row(row),
    )
