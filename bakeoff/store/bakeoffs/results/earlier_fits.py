"""Earlier fits, whose predictions a run may reuse: found by fingerprint, by candidate, by evaluation."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Row,
    Select,
    String,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
    union_all,
)

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.result import Fit
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.store.bakeoffs.row_mapping import provenance_from_row, result_from_row
from bakeoff.store.database.all_tables import provenances, results, runs
from bakeoff.store.database.engine_and_transactions import reading

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
        for row in _rows(connection, provenances.c.fingerprint, wanted, most=_MOST):
            found.setdefault(row.fingerprint, []).append(_fit(row))
    return found


def latest_of(engine: Engine, model_ids: Collection[str]) -> Mapping[str, Fit]:
    """The latest fit by candidate; candidates that were never fitted are absent."""
    with reading(engine) as connection:
        rows = _rows(connection, provenances.c.model_id, model_ids, most=1)
        return {row.model_id: _fit(row) for row in rows}


def of_evaluation(engine: Engine, evaluation_id: str) -> Fit | None:
    """The fit of an evaluation; None for a reused result, and for one older than the provenances."""
    with reading(engine) as connection:
        row = connection.execute(_FITS.where(provenances.c.evaluation_id == evaluation_id)).first()
    return None if row is None else _fit(row)


def packages_of_run(engine: Engine, run_id: str) -> dict[str, Mapping[str, str]]:
    """By candidate, the versions of packages that its fit used; of a reused result, those of its origin."""
    origin = func.coalesce(results.c.reused_from, results.c.evaluation_id)
    statement = (
        select(results.c.model_id, provenances.c.manifest)
        .join(provenances, provenances.c.evaluation_id == origin)
        .where(results.c.run_id == run_id)
    )
    with reading(engine) as connection:
        return {row.model_id: row.manifest["packages"] for row in connection.execute(statement)}


def _rows(
    connection: Connection, by: Column[str], wanted: Collection[str], *, most: int
) -> Iterable[Row[Any]]:
    statement = _latest(by, most, connection.dialect.name)
    return connection.execute(statement, {"wanted": json.dumps(sorted(wanted))})


@cache
def _latest(by: Column[str], most: int, dialect: str) -> Select[Any]:
    """The latest fits of each value: first the latest of all, then the second of all, and so on.

    Each is looked up in the index by itself, as the first, the second and so on of its value. So the cost
    does not depend on the past: of a candidate that was fitted each night for years, all other fits are left
    alone, where a window function would number them all.
    """
    value = _each_wanted(dialect)
    places = (
        select(
            select(provenances.c.evaluation_id)
            .where(by == value)
            .order_by(provenances.c.made_at.desc())
            .limit(1)
            .offset(place)
            .scalar_subquery()
            .correlate(value.table)
            .label("evaluation_id"),
            literal(place).label("place"),
        ).select_from(value.table)
        for place in range(most)
    )
    placed = union_all(*places).subquery("placed")
    return _FITS.join(placed, placed.c.evaluation_id == provenances.c.evaluation_id).order_by(placed.c.place)


def _each_wanted(dialect: str) -> Any:
    """The column of a table with the values of a list in JSON. One parameter, however many are wanted."""
    if dialect == "postgresql":
        given = func.json_array_elements_text(cast(bindparam("wanted", type_=String), JSON))
    else:
        given = func.json_each(bindparam("wanted", type_=String))
    return given.table_valued(column("value", String), name="each_wanted").c.value


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
