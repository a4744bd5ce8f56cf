"""What pages and reports say of the rows of a dataset, and of how they have changed."""

from dataclasses import replace

import pytest
from fixtures.values.samples import a_run

from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design
from bakeoff.evaluation.checks.data_profile import ColumnDrift
from bakeoff.web.page_templates import environment
from bakeoff.web.reports.report_contents import dataset_facts
from bakeoff.web.routes.dataset_pages import changed_columns


def _said_of(design: Design) -> str:
    dataset = replace(a_run().dataset, train_rows=1080, test_rows=1200, design=design)
    template = environment().from_string('{% import "parts.html" as parts %}{{ parts.rows_of(dataset) }}')
    return template.render(dataset=dataset).strip()


@pytest.mark.parametrize(
    ("design", "said"),
    [
        (ONE_SPLIT, "<strong>1,080</strong> train · <strong>1,200</strong> test"),
        (Design(folds=10), "<strong>1,200</strong> rows tested in 10 folds"),
        (Design(folds=5, repeats=2), "<strong>1,200</strong> rows tested in 5 folds, 2 times"),
        (Design(fold_column="site"), "<strong>1,200</strong> rows tested in folds by site"),
    ],
)
def test_a_page_counts_the_rows_of_folds_once(design: Design, said: str) -> None:
    assert _said_of(design) == said


def test_a_report_counts_the_rows_of_folds_once() -> None:
    run = a_run()
    folded = replace(run, dataset=replace(run.dataset, test_rows=1200, design=Design(folds=10)))
    words = dict(map(reversed, dataset_facts({**folded.to_record(), "jobs": {}})))

    assert words["rows in folds"] == "1,200"
    assert words[""] == f"seed {run.seed}"
    assert not {"train", "test"} & words.keys()


def test_columns_that_have_not_changed_have_no_bar() -> None:
    def drift(column: str, distance: float | None) -> ColumnDrift:
        return ColumnDrift(column=column, distance=distance)

    found = [drift("age", 0.3), drift("income", 0.004), drift("city", 0.0), drift("note", None)]

    assert [one.column for one in changed_columns(found)] == ["age", "note"]
