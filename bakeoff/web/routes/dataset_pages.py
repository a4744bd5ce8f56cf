"""Datasets: those of the configuration, their snapshots, their columns, and what checks found in them."""

from typing import TYPE_CHECKING

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.finding import worst_first
from bakeoff.domain.wording import nearest, quoted
from bakeoff.operations.datasets.dataset_overview import change_of, columns_of, snapshots_of
from bakeoff.store.bakeoffs import run_rows
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, Visit
from bakeoff.web.table_downloads import ShownTable
from bakeoff.web.views.run_list_lines import run_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.evaluation.checks.data_profile import ColumnDrift

_MOST_RUNS = 20
_LEAST_SHOWN = 0.005


def list_datasets(visit: Visit) -> Answer:
    known = visit.context.configuration.settings.datasets
    records = [dataset.to_record(name) for name, dataset in known.items()]
    latest = {name: next(iter(run_rows.page(visit.engine, limit=1, dataset=name)), None) for name in known}
    return Page(
        template="dataset_list.html",
        title="Datasets",
        section="Datasets",
        data={"records": records, "latest": latest},
        tables=[
            ShownTable(
                name="datasets",
                columns=("name", "source", "from", "target", "task"),
                rows=[
                    [_text(record[key]) for key in ("name", "source", "from", "target", "task")]
                    for record in records
                ],
            )
        ],
    )


def changed_columns(drift: "Sequence[ColumnDrift]") -> "list[ColumnDrift]":
    """Without those whose distance is written as 0.00; those that cannot be compared are kept."""
    return [one for one in drift if one.distance is None or one.distance >= _LEAST_SHOWN]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def show_dataset(visit: Visit) -> Answer:
    name = visit.parts["name"]
    settings = visit.context.configuration.settings.datasets
    found = run_rows.page(visit.engine, limit=_MOST_RUNS, dataset=name)
    if name not in settings and not found:
        raise NotFoundError(
            f"there is no dataset {quoted(name)}{nearest(name, settings)}: Datasets lists all"
        )
    newest = found[0].run if found else None
    snapshots = snapshots_of([one.run for one in found])
    change = change_of(visit.context, snapshots)
    columns = columns_of(visit.context, newest.dataset) if newest else []
    return Page(
        template="dataset.html",
        title=name,
        section="Datasets",
        data={
            "name": name,
            "record": settings[name].to_record(name) if name in settings else None,
            "newest": newest,
            "snapshots": snapshots,
            "change": change,
            "changed": changed_columns(change.drift),
            "in_folds": newest is not None and newest.dataset.design.has_folds,
            "class_rows": sum(one.train + one.test for one in change.classes),
            "columns": columns,
            "findings": worst_first(newest.findings) if newest else (),
            "lines": run_lines(visit.engine, found[:8]),
        },
        tables=[
            ShownTable(
                name="columns",
                columns=("column", "type", "missing"),
                rows=[(column.name, column.type, column.missing) for column in columns],
            ),
            ShownTable(
                name="classes",
                columns=("class", "train", "test"),
                rows=[(one.name, one.train, one.test) for one in change.classes],
            ),
            ShownTable(
                name="drift",
                columns=("column", "distance", "isNew", "isGone"),
                rows=[(one.column, one.distance, one.is_new, one.is_gone) for one in change.drift],
            ),
        ],
    )


PAGES = (
    PageRoute(path="/datasets", show=list_datasets, live="all"),
    PageRoute(path="/datasets/{name:path}", show=show_dataset),
)
